import { createEmbeddedWal } from './embedded-wal.ts';

/**
 * A process to be killed: appends to two partitions through two lanes each, without end, and prints a line for each
 * acknowledgement. A record says which call it is of, its place in the call, and how many the call has.
 */
const [directory = '', topic = '', name = ''] = process.argv.slice(2);
const wal = createEmbeddedWal({ directory });

async function write(partition: number, laneName: string): Promise<void> {
  const lane = await wal.openLane(topic, partition, { batchRecordsMax: 50 });
  for (let call = 0; ; call += 1) {
    const count = 1 + (call % 12);
    const records = Array.from({ length: count }, (_, index) => ({
      key: name,
      value: Buffer.from(
        `${name}.${laneName}.${call}/${index}/${count}/`.padEnd(40 + ((call * 97) % 3_000), 'x'),
      ),
    }));
    const acknowledged = lane.append(records).then(({ baseOffset }) => {
      process.stdout.write(`${partition} ${baseOffset} ${count} ${name}.${laneName}.${call}\n`);
    });
    if (call % 4 === 3) await acknowledged; // up to four calls at a time, so that they share commits
  }
}

await Promise.all([write(0, 'a'), write(0, 'b'), write(1, 'a'), write(1, 'b')]);
