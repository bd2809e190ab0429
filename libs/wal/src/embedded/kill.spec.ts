import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { readAll, tail, textOf } from '../conformance/fixture.ts';
import { createEmbeddedWal } from './embedded-wal.ts';

/**
 * Each round starts two processes that write the same partitions, kills one at a random moment, demands that the other goes
 * on, and kills that too. Then every acknowledged record must stand at its offset, and no call may be there in part.
 */
const rounds = Number(process.env['ENTDB_KILL_ROUNDS'] ?? 15);
const program = fileURLToPath(new URL('./kill-writer.fixture.ts', import.meta.url));
const topic = 'killed';

interface Ack {
  readonly partition: number;
  readonly baseOffset: number;
  readonly count: number;
  readonly call: string;
}

function startWriter(directory: string, name: string) {
  const child = spawn(process.execPath, [program, directory, topic, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const acks: Ack[] = [];
  let wake = () => {};
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    const [, partition, baseOffset, count, call] = /^(\d+) (\d+) (\d+) (\S+)$/.exec(line) ?? [];
    if (call === undefined) return; // the line it was killed in
    acks.push({
      partition: Number(partition),
      baseOffset: Number(baseOffset),
      count: Number(count),
      call,
    });
    wake();
  });
  const read = once(lines, 'close');
  return {
    acks,
    /** Resolves when it has so many acknowledgements; fails if it ends by itself. */
    acknowledged: (count: number) =>
      Promise.race([
        exited.then(() => {
          throw new Error(`writer ${name} ended after ${acks.length} acknowledgements`);
        }),
        new Promise<void>((resolve) => {
          wake = () => acks.length >= count && resolve();
          wake();
        }),
      ]),
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
      await read;
    },
  };
}

let cleanUp = async () => {};
afterEach(() => cleanUp());

it(
  `loses nothing acknowledged and keeps calls whole over ${rounds} rounds of SIGKILL`,
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'entdb-wal-kill-'));
    const wal = createEmbeddedWal({ directory });
    cleanUp = async () => {
      await wal.close();
      await rm(directory, { recursive: true });
    };
    await wal.createTopics([
      {
        name: topic,
        partitions: 2,
        replicationFactor: 1,
        minInsyncReplicas: 1,
        retentionMs: -1,
        maxMessageBytes: 1_048_588,
      },
    ]);
    const live = tail(wal, {
      topic,
      from: new Map([
        [0, 0],
        [1, 0],
      ]),
    });
    const acknowledged: Ack[] = [];
    let round = 0;

    const killAt = fc.record({
      first: fc.integer({ min: 1, max: 250 }),
      second: fc.integer({ min: 1, max: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(killAt, async ({ first, second }) => {
        round += 1;
        const writers = [
          startWriter(directory, `${round}A`),
          startWriter(directory, `${round}B`),
        ] as const;
        try {
          await Promise.all([writers[0].acknowledged(first), writers[1].acknowledged(1)]);
          await writers[0].kill();
          await writers[1].acknowledged(writers[1].acks.length + second);
        } finally {
          await Promise.all(writers.map((writer) => writer.kill()));
        }
        acknowledged.push(...writers.flatMap((writer) => writer.acks));
      }),
      { numRuns: rounds, endOnFailure: true },
    );

    const ends = await Promise.all([0, 1].map((partition) => wal.bounds(topic, partition)));
    const seen = await live.records(ends.reduce((sum, { endOffset }) => sum + endOffset, 0));
    await live.stop();
    for (const partition of [0, 1]) {
      const stored = (await readAll(wal, topic, partition)).map(textOf);
      // What a reader was given while writers were being killed is what the log holds in the end.
      expect(seen.filter((r) => r.partition === partition).map(textOf)).toEqual(stored);

      const where = stored.map((text) => text.slice(0, text.lastIndexOf('/')));
      for (const { baseOffset, count, call } of acknowledged.filter(
        (ack) => ack.partition === partition,
      )) {
        const expected = Array.from({ length: count }, (_, index) => `${call}/${index}/${count}`);
        expect(where.slice(baseOffset, baseOffset + count)).toEqual(expected);
      }
      expect(tornCalls(where)).toEqual([]);
      expect(new Set(where).size).toBe(where.length);
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(rounds * 3);
  },
  30_000 + rounds * 5_000,
);

/** Calls of which the log has not all records, together and in order. */
function tornCalls(where: readonly string[]): readonly string[] {
  const torn: string[] = [];
  for (let at = 0; at < where.length;) {
    const [call, , count] = (where[at] ?? '').split('/');
    const expected = Array.from(
      { length: Number(count) },
      (_, index) => `${call}/${index}/${count}`,
    );
    if (expected.some((text, index) => where[at + index] !== text)) torn.push(String(call));
    at += Math.max(1, expected.length);
  }
  return torn;
}
