import { EntError, isEntError } from '@entdb/base';
import {
  decodeWalRecord,
  positionToWire,
  type GetResultResponse,
  type WatchResponse,
} from '@entdb/contracts';
import { walTopic, type LogRecord, type Wal } from '@entdb/wal';
import { staleEpoch } from './epochs.ts';
import type { Progress } from './progress.ts';
import type { Tail } from './tail.ts';

/**
 * A tenant's applied transactions from a position on, in order, without gap or repeat. It reads the log up to what is applied, then follows the live
 * tail; when it is too slow for the tail it goes back to the log. The cursor (the next offset not yet looked at) is all that carries over, so
 * the seam cannot lose or repeat.
 */
export interface WatchOptions {
  readonly tenantId: string;
  readonly partition: number;
  /** The first offset that may be told. Absent: the log's first. */
  readonly fromOffset: number | undefined;
  readonly wal: Wal;
  readonly progress: Progress;
  readonly tail: Tail;
  /** Of the tenant's present life: its events are those of this one. */
  readonly epoch: bigint;
  /** Resolves when the tenant's files may be read; throws when it stands still. */
  readonly settled: () => Promise<void>;
  /** The stored verdict on a key. */
  readonly result: (idempotencyKey: string) => Promise<GetResultResponse>;
  readonly signal: AbortSignal;
}

export async function* watch(options: WatchOptions): AsyncGenerator<WatchResponse> {
  const { tenantId, partition, wal, progress, tail, signal } = options;
  let cursor = options.fromOffset ?? (await wal.bounds(walTopic, partition)).startOffset;
  while (!signal.aborted) {
    const live = tail.subscribe(tenantId);
    try {
      // Everything from here on comes through the subscription; everything before it is in the log.
      const seam = progress.nextOffset(partition);
      if (cursor < seam) {
        for await (const record of readLog(wal, partition, cursor, seam, signal)) {
          if (record.key === tenantId) yield* eventOf(record, options);
          cursor = record.offset + 1;
        }
      }
      while (!live.cutOff) {
        for (const record of await live.next(signal)) {
          if (record.offset < cursor) continue;
          yield* eventOf(record, options);
          cursor = record.offset + 1;
        }
      }
    } finally {
      live.close();
    }
  }
}

async function* eventOf(record: LogRecord, options: WatchOptions): AsyncGenerator<WatchResponse> {
  await options.settled(); // first of all: the record may be the very one that cannot be read
  const { idempotencyKey, body } = decodeWalRecord(record.key, record.value);
  const { result, position } = await options.result(idempotencyKey);
  if (body.case === 'tenantRestored') assertNotRestored(result, record, options);
  if (position && position.epoch !== options.epoch)
    throw staleEpoch(options.tenantId, options.epoch, position);
  if (body.case === 'tenantDeleted') assertNotDeleted(result, record, options);
  if (body.case !== 'transaction') return;
  // A repeated key has its result at the first record; a rejected transaction has changed nothing.
  if (result?.position?.offset !== BigInt(record.offset) || result.outcome.case !== 'applied')
    return;
  yield {
    $typeName: 'entdb.v1.WatchResponse',
    position:
      result.position ??
      positionToWire({
        topic: record.topic,
        partition: record.partition,
        offset: record.offset,
        epoch: 0,
      }),
    idempotencyKey,
    appliedAtUs: result.appliedAtUs,
    transaction: body.value,
    applied: result.outcome.value,
  };
}

/**
 * A tenant whose state was replaced cannot be followed by its transactions. The position is that of the restore, where the new epoch begins: whoever reads
 * the state at it or later, and watches from where he read, misses nothing.
 */
function assertNotRestored(
  result: GetResultResponse['result'],
  record: LogRecord,
  { tenantId, epoch }: WatchOptions,
): void {
  const { position, outcome } = result ?? {};
  if (position?.offset !== BigInt(record.offset) || outcome?.case !== 'applied') return;
  throw staleEpoch(tenantId, epoch < position.epoch ? epoch : position.epoch - 1n, position);
}

function assertNotDeleted(
  result: GetResultResponse['result'],
  { offset, partition }: LogRecord,
  { tenantId, epoch }: WatchOptions,
): void {
  const { position, outcome } = result ?? {};
  const isOfThisLife = position?.offset === BigInt(offset) && position.epoch === epoch;
  if (!isOfThisLife || outcome?.case !== 'applied') return;
  throw new EntError('TENANT_DELETED', `tenant ${tenantId} was deleted`, {
    tenantId,
    position: { topic: walTopic, partition, offset },
  });
}

/** The records of [from, to), handed over one batch at a time: the log is read no faster than the watcher takes. */
async function* readLog(
  wal: Wal,
  partition: number,
  from: number,
  to: number,
  signal: AbortSignal,
): AsyncGenerator<LogRecord> {
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  let give: ((records: readonly LogRecord[]) => void) | undefined;
  let taken: (() => void) | undefined;
  const consumption = wal.consume({
    topic: walTopic,
    from: new Map([[partition, from]]),
    signal: both,
    onBatch: (batch) =>
      new Promise<void>((resolve) => {
        taken = resolve;
        give?.(batch.records);
      }),
  });
  const failed = consumption.then(
    (): readonly LogRecord[] => [],
    (error: unknown) => {
      if (isEntError(error, 'LOG_START_PASSED')) {
        throw new EntError(
          'POSITION_EXPIRED',
          `the log no longer holds offset ${from} of partition ${partition}`,
          {
            position: { topic: walTopic, partition, offset: from },
            hint: 'read the state again and watch from its position',
            cause: error,
          },
        );
      }
      throw error;
    },
  );
  failed.catch(() => undefined); // looked at below; a failure after the last look is of no interest
  try {
    for (let next = from; next < to;) {
      const batch = new Promise<readonly LogRecord[]>((resolve) => {
        give = resolve;
      });
      taken?.();
      const records = await Promise.race([batch, failed]);
      signal.throwIfAborted();
      for (const record of records) if (record.offset < to) yield record;
      next = (records.at(-1)?.offset ?? to) + 1;
    }
  } finally {
    ended.abort();
    taken?.();
    await failed.catch(() => undefined);
  }
}
