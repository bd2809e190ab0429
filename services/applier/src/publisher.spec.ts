import { realClock, realRng, silentLogger, type Logger } from '@entdb/base';
import { createMemoryWal, type AppendFault, type AppendRecord, type MemoryWal } from '@entdb/wal';
import { createPublisher, type PublisherOptions } from './publisher.ts';

const topic = 'entdb-results';
const record = (key: string, size = 1): AppendRecord => ({ key, value: Buffer.alloc(size, key) });

async function setUp(
  options: Partial<PublisherOptions> = {},
  faults: (AppendFault | undefined)[] = [],
) {
  const wal = createMemoryWal({ faults: () => faults.shift() });
  await wal.createTopics([
    {
      name: topic,
      partitions: 2,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      retentionMs: -1,
      maxMessageBytes: 1_000_000,
    },
  ]);
  const publisher = createPublisher({
    wal,
    logger: silentLogger,
    clock: realClock,
    rng: realRng,
    queueBytesMax: 1_000_000,
    closeWaitMs: 5_000,
    ...options,
  });
  return { wal, publisher };
}

function listening(): { readonly logger: Logger; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    child: () => logger,
    warn: (_fields, message) => warnings.push(message),
  };
  return { logger, warnings };
}

async function keysIn(wal: MemoryWal, partition = 0): Promise<readonly string[]> {
  const { endOffset } = await wal.bounds(topic, partition);
  const keys: string[] = [];
  const all = new AbortController();
  if (endOffset === 0) return keys;
  await wal.consume({
    topic,
    from: new Map([[partition, 0]]),
    signal: all.signal,
    onBatch: async ({ records }) => {
      keys.push(...records.map(({ key }) => key));
      if (keys.length >= endOffset) all.abort();
    },
  });
  return keys;
}

describe('a publisher', () => {
  it('has told all when it is closed, in order, each partition by itself', async () => {
    const { wal, publisher } = await setUp();
    const keys = Array.from({ length: 2_500 }, (_, i) => `k${i}`);
    for (const key of keys) publisher.publish(topic, 0, record(key));
    publisher.publish(topic, 1, record('elsewhere'));
    await publisher.close();
    expect(await keysIn(wal)).toEqual(keys);
    expect(await keysIn(wal, 1)).toEqual(['elsewhere']);
    await wal.close();
  });

  it('goes on telling after it had caught its breath', async () => {
    const { wal, publisher } = await setUp();
    for (const key of ['a', 'b', 'c']) {
      publisher.publish(topic, 0, record(key));
      while (!(await keysIn(wal)).includes(key)) await new Promise(setImmediate);
    }
    await publisher.close();
    expect(await keysIn(wal)).toEqual(['a', 'b', 'c']);
    await wal.close();
  });

  it('tells again what a failed lane may have lost', async () => {
    const { wal, publisher } = await setUp({}, [{ kind: 'rejected' }, { kind: 'ackLost' }]);
    for (const key of ['a', 'b']) publisher.publish(topic, 0, record(key));
    await publisher.close();
    const keys = await keysIn(wal);
    expect(keys.slice(-2)).toEqual(['a', 'b']);
    await wal.close();
  });

  it('drops what can never be written, and nothing beside it', async () => {
    const { logger, warnings } = listening();
    const { wal, publisher } = await setUp({ logger, queueBytesMax: 10_000_000, closeWaitMs: 500 });
    publisher.publish(topic, 0, record('a'));
    publisher.publish(topic, 0, record('too large', 950_000));
    publisher.publish(topic, 0, record('b'));
    await publisher.close();
    expect(await keysIn(wal)).toEqual(['a', 'b']);
    expect(warnings).toEqual([]); // it is not tried again
    await wal.close();
  });

  it('takes more than one append may carry', async () => {
    const { wal, publisher } = await setUp({ queueBytesMax: 10_000_000 });
    for (const key of ['a', 'b', 'c']) publisher.publish(topic, 0, record(key, 800_000));
    await publisher.close();
    expect(await keysIn(wal)).toEqual(['a', 'b', 'c']);
    await wal.close();
  });

  it('holds so much and no more while the log does not answer, and says so once', async () => {
    const answer = Promise.withResolvers<void>();
    const { logger, warnings } = listening();
    const { wal, publisher } = await setUp({ logger, queueBytesMax: 1_000 }, [
      { kind: 'delayed', until: answer.promise },
    ]);
    publisher.publish(topic, 0, record('first'));
    await new Promise(setImmediate); // it is on its way
    for (let i = 0; i < 50; i++) publisher.publish(topic, 0, record('k', 100));
    answer.resolve();
    await publisher.close();
    expect(warnings).toEqual(['the queue to the fleet is full: dropping']);
    expect(await keysIn(wal)).toHaveLength(1 + 4);
    await wal.close();
  });

  it('tells of news only the latest', async () => {
    const answer = Promise.withResolvers<void>();
    const { wal, publisher } = await setUp({}, [{ kind: 'delayed', until: answer.promise }]);
    publisher.announce(topic, 0, record('me', 1));
    await new Promise(setImmediate); // it is on its way
    for (let size = 2; size <= 100; size++) publisher.announce(topic, 0, record('me', size));
    publisher.publish(topic, 0, record('me'));
    for (let size = 2; size <= 9; size++) publisher.announce(topic, 0, record('me', size));
    publisher.announce(topic, 0, record('you'));
    answer.resolve();
    await publisher.close();
    expect(await keysIn(wal)).toEqual(['me', 'me', 'me', 'you']); // the second counts by itself
    await wal.close();
  });

  it('ends in bounded time when the log never answers', async () => {
    const { wal, publisher } = await setUp({ closeWaitMs: 50 }, [
      { kind: 'delayed', until: new Promise(() => {}) },
    ]);
    publisher.publish(topic, 0, record('a'));
    await publisher.close();
    expect(await keysIn(wal)).toEqual([]);
    void wal.close();
  }, 20_000);
});
