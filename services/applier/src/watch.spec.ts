import { EntError } from '@entdb/base';
import {
  decodeWalRecord,
  encodeWalRecord,
  errorToDetail,
  positionToWire,
  type GetResultResponse,
  type TransactionResult,
  type WalRecord,
  type WatchResponse,
} from '@entdb/contracts';
import { createMemoryWal, walTopic, type LogRecord } from '@entdb/wal';
import fc from 'fast-check';
import { createProgress } from './progress.ts';
import { createTail } from './tail.ts';
import { watch } from './watch.ts';

/** A log with records of two tenants; what is applied of it is decided by the test. */
const partition = 0;

async function setUp(bufferRecordsMax = 1_000, bufferBytesMax = 1_000_000) {
  const wal = createMemoryWal();
  await wal.createTopics([
    {
      name: walTopic,
      partitions: 1,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      retentionMs: -1,
      maxMessageBytes: 1_000_000,
    },
  ]);
  const lane = await wal.openLane(walTopic, partition);
  const progress = createProgress(walTopic, new Map([[partition, 0]]), {
    now: () => 0,
    monotonic: () => 0,
    sleep: () => Promise.resolve(),
  });
  const tail = createTail({ bufferRecordsMax, bufferBytesMax });
  const firstOffsets = new Map<string, number>();
  const ended = new AbortController();
  const written: LogRecord[] = [];

  const restored: WalRecord['body'] = {
    case: 'tenantRestored',
    value: {
      $typeName: 'entdb.v1.TenantRestored',
      sequence: 1n,
      canonicalDigest: '',
      mailboxDigest: '',
      objectPrefix: '',
      manifestSha256: '',
      expectedEpoch: 1n,
    },
  };
  /** A key with "restore" in it is a TenantRestored record; one that begins with "bad" is rejected. */
  const write = async (tenantId: string, key: string) => {
    const value = encodeWalRecord({
      $typeName: 'entdb.v1.WalRecord',
      tenantId,
      idempotencyKey: key,
      requestHash: new Uint8Array(32),
      actor: '',
      schemaFingerprint: '',
      autoCreate: true,
      body: key.includes('restore')
        ? restored
        : {
            case: 'transaction',
            value: { $typeName: 'entdb.v1.Transaction', operations: [], preconditions: [] },
          },
    });
    const { baseOffset } = await lane.append([{ key: tenantId, value }]);
    if (!firstOffsets.has(`${tenantId}/${key}`)) firstOffsets.set(`${tenantId}/${key}`, baseOffset);
    written.push({
      topic: walTopic,
      partition,
      offset: baseOffset,
      timeMs: 0,
      key: tenantId,
      value,
      headers: {},
    });
  };
  const apply = (upTo = written.length) => {
    const from = progress.nextOffset(partition);
    if (upTo <= from) return;
    progress.advance(partition, upTo, written.length, 0);
    tail.committed(partition, written.slice(from, upTo));
  };
  /** A tenant's epoch after each record of the log. */
  const epochAfter = (tenantId: string) => {
    let epoch = 1;
    return ({ key, value }: LogRecord): number => {
      const { idempotencyKey, body } = decodeWalRecord(key, value);
      if (key === tenantId && body.case === 'tenantRestored' && !idempotencyKey.startsWith('bad'))
        epoch += 1;
      return epoch;
    };
  };
  const result =
    (tenantId: string) =>
    async (key: string): Promise<GetResultResponse> => {
      const offset = firstOffsets.get(`${tenantId}/${key}`)!;
      const epochs = written.slice(0, progress.nextOffset(partition)).map(epochAfter(tenantId));
      const place = { topic: walTopic, partition };
      const position = positionToWire({ ...place, offset, epoch: epochs[offset]! });
      const now = positionToWire({ ...place, offset: epochs.length - 1, epoch: epochs.at(-1)! });
      const outcome: TransactionResult['outcome'] = key.startsWith('bad')
        ? {
            case: 'rejected',
            value: errorToDetail(new EntError('NOT_FOUND', 'no such node', { tenantId })),
          }
        : { case: 'applied', value: { $typeName: 'entdb.v1.Applied', operations: [] } };
      return {
        $typeName: 'entdb.v1.GetResultResponse',
        position: now,
        result: { $typeName: 'entdb.v1.TransactionResult', position, appliedAtUs: 0n, outcome },
      };
    };
  const watching = (tenantId: string, fromOffset?: number, epoch = 1n) =>
    watch({
      tenantId,
      partition,
      fromOffset,
      epoch,
      settled: () => Promise.resolve(),
      wal,
      progress,
      tail,
      result: result(tenantId),
      signal: ended.signal,
    });
  const close = async () => {
    ended.abort(new Error('the test is over'));
    await lane.close();
    await wal.close();
  };
  return { wal, write, apply, watching, close };
}

async function take(
  events: AsyncGenerator<WatchResponse>,
  count: number,
): Promise<readonly string[]> {
  const keys: string[] = [];
  while (keys.length < count) {
    const { value, done } = await events.next();
    if (done) break;
    keys.push(value.idempotencyKey);
  }
  return keys;
}

describe('watching a tenant', () => {
  it('tells what was applied: no other tenant, no rejected transaction, no repeated key', async () => {
    const log = await setUp();
    for (const [tenant, key] of [
      ['a', '1'],
      ['b', 'x'],
      ['a', 'bad-2'],
      ['a', '3'],
      ['a', '1'],
      ['a', '4'],
    ] as const)
      await log.write(tenant, key);
    log.apply();
    expect(await take(log.watching('a'), 3)).toEqual(['1', '3', '4']);
    expect(await take(log.watching('a', 3), 2)).toEqual(['3', '4']);
    await log.close();
  });

  it('tells nothing that is in the log and not yet applied', async () => {
    const log = await setUp();
    await log.write('a', '1');
    await log.write('a', '2');
    log.apply(1);
    const events = log.watching('a');
    expect(await take(events, 1)).toEqual(['1']);
    const next = events.next();
    await log.write('a', '3');
    log.apply();
    expect((await next).value).toMatchObject({ idempotencyKey: '2' });
    expect(await take(events, 1)).toEqual(['3']);
    await log.close();
  });

  it('ends where a restore replaced the state, and names the place to go on after', async () => {
    const log = await setUp();
    for (const key of ['1', 'bad-restore', '2']) await log.write('a', key);
    log.apply();
    const live = log.watching('a');
    expect(await take(live, 2)).toEqual(['1', '2']); // a restore that was rejected is no event
    for (const [tenant, key] of [
      ['b', 'x'],
      ['a', 'restore'],
      ['a', '3'],
    ] as const)
      await log.write(tenant, key);
    log.apply();
    await expect(live.next()).rejects.toMatchObject({
      code: 'STALE_EPOCH',
      facts: { tenantId: 'a', position: { offset: 4, epoch: 2 }, metadata: { epoch: '2' } },
    });
    expect(await take(log.watching('a', 5, 2n), 1)).toEqual(['3']);
    // Without a cursor the log is told from its beginning, and a restore in it ends that, too.
    const whole = log.watching('a', undefined, 2n);
    expect(await take(whole, 2)).toEqual(['1', '2']);
    await expect(whole.next()).rejects.toMatchObject({
      code: 'STALE_EPOCH',
      facts: { position: { offset: 4, epoch: 2 } },
    });
    await log.close();
  });

  it('tells nothing of an epoch that ended while it was catching up', async () => {
    const log = await setUp();
    for (const key of ['1', '2', 'restore']) await log.write('a', key);
    log.apply(1);
    const live = log.watching('a');
    expect(await take(live, 1)).toEqual(['1']);
    log.apply();
    await expect(live.next()).rejects.toMatchObject({
      code: 'STALE_EPOCH',
      facts: { position: { offset: 2, epoch: 2 } },
    });
    await log.close();
  });

  it('says so when the log no longer holds the position', async () => {
    const log = await setUp();
    for (const key of ['1', '2', '3']) await log.write('a', key);
    log.apply();
    log.wal.truncateBefore(walTopic, partition, 2);
    await expect(log.watching('a', 1).next()).rejects.toMatchObject({ code: 'POSITION_EXPIRED' });
    expect(await take(log.watching('a'), 1)).toEqual(['3']);
    await log.close();
  });

  it('neither loses nor repeats at the seam of log and tail, however slow the watcher and small the buffer', async () => {
    const action = fc.oneof(
      fc.constant('write' as const),
      fc.constant('apply' as const),
      fc.constant('take' as const),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 5, maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        async (actions, bufferRecordsMax) => {
          const log = await setUp(bufferRecordsMax);
          const events = log.watching('a', 0);
          const seen: string[] = [];
          let pending: Promise<IteratorResult<WatchResponse>> | undefined;
          let applied = 0;
          let count = 0;
          for (const step of actions) {
            if (step === 'write') await log.write('a', String(count++));
            else if (step === 'apply') {
              log.apply();
              applied = count;
            } else if (seen.length < applied) {
              pending ??= events.next();
              seen.push((await pending).value.idempotencyKey as string);
              pending = undefined;
            }
          }
          log.apply();
          while (seen.length < count)
            seen.push((await events.next()).value.idempotencyKey as string);
          expect(seen).toEqual(Array.from({ length: count }, (_, i) => String(i)));
          await log.close();
        },
      ),
      { numRuns: 100 },
    );
  });
});
