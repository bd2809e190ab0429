import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka, type Broker, type KafkaCluster } from '@entdb/deploy/kafka';
import { isEntError } from '@entdb/base';
import { readAll, tail, textOf } from '../conformance/fixture.ts';
import type { Lane, LogBatch, Wal } from '../wal.ts';
import { createKafkaWal } from './kafka-wal.ts';
import { leadersOf, truncateBefore } from './testing/real-cluster.ts';

/**
 * Faults made for real, on three brokers, under load: a writer that opens another lane whenever one fails and repeats what was
 * not confirmed, and a reader beside it. However it goes: every acknowledged record stands at the offset of its receipt, and
 * the reader sees the whole log, in order, once.
 */
jest.setTimeout(180_000);

const timing = {
  requestTimeoutMs: 2_000,
  ackTimeoutMs: 1_500,
  metadataAgeMaxMs: 1_000,
  connectionTimeoutMs: 1_000,
  callDeadlineMs: 10_000,
  appendDeadlineMs: 6_000,
} as const;

let dir: string;
let cluster: KafkaCluster;
let wal: Wal;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entdb-brokers-'));
  cluster = await startKafka({ brokers: 3, dir });
  wal = createKafkaWal({ brokers: cluster.bootstrap, timing });
});
afterAll(async () => {
  await wal?.close();
  await cluster?.stop();
  await rm(dir, { recursive: true });
});

let topics = 0;
async function newTopic(): Promise<string> {
  const name = `brokers-${topics++}`;
  await wal.createTopics([
    {
      name,
      partitions: 1,
      replicationFactor: 3,
      minInsyncReplicas: 2,
      retentionMs: -1,
      maxMessageBytes: 1_048_588,
    },
  ]);
  return name;
}

/** Writes until it is stopped, and remembers what it was promised. */
interface Load {
  /** Text to the offset that its receipt named. */
  readonly acknowledged: ReadonlyMap<string, number>;
  /** Texts whose outcome was unknown at least once: these alone may stand twice. */
  readonly unknown: ReadonlySet<string>;
  /** Resolves when so many more have been acknowledged. */
  progress(count: number): Promise<void>;
  /** Resolves when a lane is given up. */
  failure(): Promise<void>;
  stop(): Promise<void>;
}

function startLoad(topic: string): Load {
  const acknowledged = new Map<string, number>();
  const unknown = new Set<string>();
  const stopping = new AbortController();
  let onAcknowledged = () => {};
  let onFailure = () => {};

  /** Until a lane can be had, or the writer is stopped. */
  const openLane = async (): Promise<Lane | undefined> => {
    while (!stopping.signal.aborted) {
      try {
        return await wal.openLane(topic, 0);
      } catch (error) {
        if (!isEntError(error, 'LOG_UNAVAILABLE')) throw error;
      }
    }
    return undefined;
  };

  const appendOnce = async (lane: Lane, text: string): Promise<boolean> => {
    try {
      const { baseOffset } = await lane.append([{ key: 'tenant', value: Buffer.from(text) }]);
      acknowledged.set(text, baseOffset);
      onAcknowledged();
      return true;
    } catch (error) {
      if (isEntError(error, 'OUTCOME_UNKNOWN')) unknown.add(text);
      else if (!isEntError(error, 'LANE_POISONED')) throw error;
      return false;
    }
  };

  const run = async () => {
    let lane = await openLane();
    let due: readonly string[] = [];
    for (let n = 0; lane && !stopping.signal.aborted; n++) {
      const current = lane;
      due = [...due, ...Array.from({ length: 20 }, (_, i) => `r${n}.${i}`)];
      const done = await Promise.all(due.map((text) => appendOnce(current, text)));
      due = due.filter((_, i) => !done[i]);
      if (!lane.poisoned) continue;
      onFailure();
      await lane.close();
      lane = await openLane();
    }
    await lane?.close();
  };
  const running = run();

  return {
    acknowledged,
    unknown,
    progress: (count) => {
      const goal = acknowledged.size + count;
      const reached = new Promise<void>((resolve) => {
        onAcknowledged = () => {
          if (acknowledged.size >= goal) resolve();
        };
      });
      return Promise.race([reached, running]);
    },
    failure: () =>
      new Promise<void>((resolve) => {
        onFailure = resolve;
      }),
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

/** Harms the cluster under load, then looks whether every promise was kept. */
async function underLoad(harm: (load: Load, topic: string) => Promise<void>): Promise<void> {
  const topic = await newTopic();
  const load = startLoad(topic);
  const reader = tail(wal, { topic, from: new Map([[0, 0]]) });
  await reader.started;
  await load.progress(200);
  await harm(load, topic);
  await load.progress(200);
  await load.stop();

  const stored = await readAll(wal, topic, 0);
  const texts = stored.map(textOf);
  const lost = [...load.acknowledged].filter(([text, offset]) => texts[offset] !== text);
  expect(lost).toEqual([]);
  const repeated = texts.filter((text, i) => texts.indexOf(text) !== i && !load.unknown.has(text));
  expect(repeated).toEqual([]);
  const seen = await reader.records(stored.length);
  expect(seen.map((record) => [record.offset, textOf(record)])).toEqual(
    texts.map((text, offset) => [offset, text]),
  );
  await reader.stop();
}

const leader = async (topic: string): Promise<Broker> =>
  cluster.broker((await leadersOf(cluster.bootstrap, topic)).get(0) ?? 0);

it('G: the leader is killed', () =>
  underLoad(async (load, topic) => {
    const victim = await leader(topic);
    await victim.kill();
    await load.progress(200);
    await victim.start();
  }));

it('A and F: the leader freezes, another is elected, and the old one wakes up again', () =>
  underLoad(async (load, topic) => {
    const victim = await leader(topic);
    victim.pause();
    try {
      await load.progress(200);
    } finally {
      victim.resume();
    }
  }));

it('a rolling restart', () =>
  underLoad(async (load) => {
    for (const id of [1, 2, 3]) {
      await cluster.broker(id).terminate();
      await load.progress(50);
      await cluster.broker(id).start();
      await load.progress(50);
    }
  }));

it('E and I: two of three brokers are lost: nothing is acknowledged until one is back', () =>
  underLoad(async (load, topic) => {
    const survivor = (await leader(topic)).id;
    const victims = [1, 2, 3].filter((id) => id !== survivor).map((id) => cluster.broker(id));
    await Promise.all(victims.map((victim) => victim.kill()));
    const acknowledged = load.acknowledged.size;
    await load.failure();
    expect(load.acknowledged.size - acknowledged).toBeLessThanOrEqual(20); // answers that were on their way
    await Promise.all(victims.map((victim) => victim.start()));
  }));

describe('a log that is deleted under a reader', () => {
  const write = async (topic: string, count: number) => {
    const lane = await wal.openLane(topic, 0);
    for (let i = 0; i < count; i++)
      await lane.append([{ key: 'tenant', value: Buffer.from(`r${i}`) }]);
    await lane.close();
  };

  it('is LOG_START_PASSED when more comes, not a jump', async () => {
    const topic = await newTopic();
    await write(topic, 3);
    const batches: LogBatch[] = [];
    const consumed = wal.consume({
      topic,
      from: new Map([[0, 0]]),
      signal: new AbortController().signal,
      onBatch: async (batch) => {
        batches.push(batch);
        if (batches.length > 1) return;
        await write(topic, 5);
        await truncateBefore(cluster.bootstrap, topic, 0, 6);
      },
    });
    await expect(consumed).rejects.toMatchObject({
      code: 'LOG_START_PASSED',
      facts: { position: { topic, partition: 0, offset: 3 } },
    });
    expect(batches).toHaveLength(1);
  });

  it('is LOG_START_PASSED also when nothing more comes', async () => {
    const topic = await newTopic();
    await write(topic, 3);
    const watchful = createKafkaWal({
      brokers: cluster.bootstrap,
      timing: { ...timing, positionCheckMs: 200 },
    });
    try {
      const consumed = watchful.consume({
        topic,
        from: new Map([[0, 0]]),
        signal: new AbortController().signal,
        onBatch: async ({ endOffset }) => {
          if (endOffset > 3) return;
          await write(topic, 1);
          await truncateBefore(cluster.bootstrap, topic, 0, 4);
        },
      });
      await expect(consumed).rejects.toMatchObject({ code: 'LOG_START_PASSED' });
    } finally {
      await watchful.close();
    }
  });
});
