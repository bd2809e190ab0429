/** Method: one partition of a log in memory, which tells of each batch that it is sent. */
import { realClock, realRng, silentLogger } from '@entdb/base';
import { createMemoryWal, defaultLaneLimits, topicSpecs, walTopic } from '@entdb/wal';
import { createPartitionLane } from './partition-lane.ts';

async function start(limits: Partial<typeof defaultLaneLimits> = {}) {
  const batches: number[] = [];
  const wal = createMemoryWal({
    faults: ({ records }) => {
      batches.push(records.length);
      return undefined;
    },
  });
  const topics = { walPartitions: 1, replicationFactor: 1, minInsyncReplicas: 1 };
  await wal.createTopics(topicSpecs({ ...topics, walRetentionMs: 3_600_000 }));
  const lane = createPartitionLane({
    name: 'lane',
    limits: { ...defaultLaneLimits, ...limits },
    open: () => wal.openLane(walTopic, 0, limits),
    onFailed: () => {},
    clock: realClock,
    rng: realRng,
    logger: silentLogger,
  });
  const close = async () => {
    await lane.close();
    await wal.close();
  };
  const append = (count: number, signal = new AbortController().signal) =>
    Array.from({ length: count }, (_, i) =>
      lane.append({ key: 'acme', value: Buffer.from(String(i)) }, signal),
    );
  return { append, batches, close };
}

describe('the records of one turn', () => {
  it('stand in the order of the calls, in no more batches than they need', async () => {
    const { append, batches, close } = await start();
    const receipts = await Promise.all(append(2_500));
    expect(receipts.map(({ baseOffset }) => baseOffset)).toEqual([...receipts.keys()]);
    expect(batches).toEqual([1_000, 1_000, 500]);
    await close();
  });

  it('are taken up to the room that there is', async () => {
    const { append, close } = await start({ pendingRecordsMax: 3 });
    const outcomes = await Promise.allSettled(append(5));
    const taken = outcomes.filter(({ status }) => status === 'fulfilled');
    expect(taken).toEqual(outcomes.slice(0, 3));
    expect(outcomes[4]).toMatchObject({ reason: { code: 'RESOURCE_EXHAUSTED' } });
    await close();
  });

  it('are without those whose caller is gone', async () => {
    const { append, close } = await start();
    const gone = AbortSignal.abort(new Error('gone'));
    const outcomes = [...append(1), ...append(1, gone), ...append(1)];
    const settled = await Promise.allSettled(outcomes);
    expect(settled).toMatchObject([
      { value: { baseOffset: 0 } },
      { reason: { message: 'gone' } },
      { value: { baseOffset: 1 } },
    ]);
    await close();
  });
});
