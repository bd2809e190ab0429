import { EntError, realClock, realRng, silentLogger } from '@entdb/base';
import { createDigestLedger } from '@entdb/fleet';
import { until } from '@entdb/testkit';
import { createMemoryWal, statusTopic, topicSpecs, type MemoryWal } from '@entdb/wal';
import { createHearing, type HearingOptions } from './hearing.ts';
import { published } from './testing/world.ts';

const digests = { canonical: 'c', mailbox: 'm' };
const topics = topicSpecs({
  walPartitions: 1,
  replicationFactor: 1,
  minInsyncReplicas: 1,
  walRetentionMs: 3_600_000,
});

let wal: MemoryWal;
let ended: AbortController;
let runs: Promise<void>[];
beforeEach(() => {
  wal = createMemoryWal();
  ended = new AbortController();
  runs = [];
});
afterEach(async () => {
  ended.abort();
  await Promise.all(runs);
  await wal.close();
});

function listen(more: Partial<HearingOptions> = {}) {
  const ledger = createDigestLedger();
  const hearing = createHearing({
    wal,
    ledger,
    lookBackMs: 3_600_000,
    clock: realClock,
    rng: realRng,
    logger: silentLogger,
    signal: ended.signal,
    ...more,
  });
  runs.push(hearing.run());
  return { hearing, heard: (tenantId: string) => [...ledger.of(tenantId).keys()] };
}
const say = async (sequence: number) => {
  const lane = await wal.openLane(statusTopic, 0);
  await lane.append([published('applier-0', 'a', sequence, digests)]);
  await lane.close();
};

it('knows what was said before it began, as far back as it is to look, and hears what is said then', async () => {
  await wal.createTopics(topics);
  await say(1);
  await say(2);
  const { hearing, heard } = listen();
  expect(hearing.trouble()).toBeDefined();
  await hearing.settled;
  expect([heard('a'), hearing.trouble()]).toEqual([[1, 2], undefined]);
  await say(3);
  await until(() => heard('a').length === 3);
  const late = listen({ lookBackMs: -3_600_000 });
  await late.hearing.settled;
  expect(late.heard('a')).toEqual([]);
});

it('says that it hears nothing where there is no topic, and hears as soon as there is one', async () => {
  const { hearing, heard } = listen();
  await hearing.settled;
  expect(hearing.trouble()).toContain(statusTopic);
  expect(heard('a')).toEqual([]);
  await wal.createTopics(topics);
  await until(() => hearing.trouble() === undefined);
  await say(1);
  await until(() => heard('a').length === 1);
});

it.each(['LOG_UNAVAILABLE', 'LOG_START_PASSED', 'LOG_TRUNCATED', 'RECORD_CORRUPT'] as const)(
  'goes on after %s without missing what was said meanwhile',
  async (code) => {
    await wal.createTopics(topics);
    await say(1);
    let fails = 2;
    const { hearing, heard } = listen({
      wal: {
        bounds: (...place) => wal.bounds(...place),
        offsetForTime: (...place) => wal.offsetForTime(...place),
        consume: async ({ onBatch, ...options }) => {
          if ((fails -= 1) < 0) return wal.consume({ onBatch, ...options });
          const once = new AbortController();
          await wal.consume({
            ...options,
            signal: once.signal,
            onBatch: async (batch) => {
              await onBatch(batch);
              once.abort();
            },
          });
          await say(2 + fails);
          throw new EntError(code, 'planned');
        },
      },
    });
    await until(() => heard('a').length === 3);
    expect(new Set(heard('a'))).toEqual(new Set([1, 2, 3]));
    await until(() => hearing.trouble() === undefined);
  },
);
