import { backoffMs, EntError, isEntError, type Clock, type Logger, type Rng } from '@entdb/base';
import {
  packBatch,
  transferOf,
  type KnownTenant,
  type PlacedBytes,
  type ShardProgress,
} from '@entdb/tenant-store';
import type { WorkerClient } from '@entdb/threads';
import { resultsTopic, walTopic, type LogBatch, type Wal } from '@entdb/wal';
import type { Progress } from './progress.ts';
import type { Publisher } from './publisher.ts';
import type { ReaderPool } from './reader/pool.ts';
import type { Tail } from './tail.ts';
import type { Tenants } from './tenants.ts';
import type { WriterMethods } from './writer/protocol.ts';

/**
 * The loop: the log's records go to the writer thread in order, and what it committed is told: to readers, to waiters, to the fleet. Nothing
 * here decides what a record does; nothing is told before its commit; a disk that refuses is asked again, never passed over.
 */
export interface Applier {
  /** Runs until the signal. Rejects when the log can no longer be followed. */
  run(signal: AbortSignal): Promise<void>;
  /** A reader met damage or a missing file: the tenant is rebuilt. */
  distrust(tenantId: string, error: EntError): Promise<void>;
  /** Partitions whose next record the log no longer holds. Their tenants cannot be brought up to date from the log alone. */
  readonly lost: ReadonlyMap<number, EntError>;
}

export interface ApplierOptions {
  readonly wal: Wal;
  readonly writer: WorkerClient<WriterMethods>;
  readonly readers: Pick<ReaderPool, 'forget'>;
  readonly progress: Progress;
  readonly tenants: Tenants;
  readonly publisher: Publisher;
  readonly tail: Tail;
  readonly nextOffsets: ReadonlyMap<number, number>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Tenants that are caught up at the same time. */
  readonly catchUpsMax: number;
  readonly onApplied: (records: number, seconds: number) => void;
}

export function createApplier(options: ApplierOptions): Applier {
  const { wal, writer, progress, tenants, publisher, tail, logger, clock, rng } = options;
  const lost = new Map<number, EntError>();
  const catchUps = new Map<string, Promise<void>>();
  const queue: string[] = [];
  let running: AbortSignal | undefined;

  /** Asks the disk again until it takes the batch. */
  const persist = async (
    step: () => Promise<ShardProgress>,
    signal: AbortSignal,
  ): Promise<ShardProgress> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await step();
      } catch (error) {
        if (!isEntError(error, 'STORE_UNAVAILABLE')) throw error;
        logger.error({ attempt, err: error }, 'the disk refuses; trying again');
        await clock.sleep(backoffMs(attempt, { initialMs: 200, maxMs: 10_000, rng }), signal);
      }
    }
  };

  /** Tells what was committed. */
  const absorb = async (result: ShardProgress): Promise<void> => {
    for (const change of result.states) {
      if (change.state.kind !== 'active') await options.readers.forget(change.tenantId);
      tenants.change(change);
      if (change.state.kind === 'behind') schedule(change.tenantId);
    }
    for (const { partition, tenantId, value } of result.verdicts)
      publisher.publish(resultsTopic, partition, { key: tenantId, value });
    for (const tenantId of result.touched) tenants.touch(tenantId);
  };

  const onBatch = async (batch: LogBatch, signal: AbortSignal): Promise<void> => {
    const { partition, records, endOffset } = batch;
    const from = progress.nextOffset(partition);
    const fresh =
      records[0]!.offset < from ? records.filter((record) => record.offset >= from) : records;
    const last = fresh.at(-1);
    if (!last) return;
    const started = clock.monotonic();
    const result = await persist(() => callPacked('apply', partition, fresh), signal);
    await absorb(result);
    progress.advance(partition, result.nextOffset, endOffset, last.timeMs);
    tail.committed(partition, fresh);
    options.onApplied(fresh.length, (clock.monotonic() - started) / 1000);
  };

  const callPacked = (method: 'apply', partition: number, records: readonly PlacedBytes[]) => {
    const batch = packBatch(walTopic, partition, records);
    return writer.call(method, batch, transferOf(batch));
  };

  const schedule = (tenantId: string): void => {
    if (!queue.includes(tenantId)) queue.push(tenantId);
    pumpCatchUps();
  };

  const pumpCatchUps = (): void => {
    const signal = running;
    if (!signal || signal.aborted) return;
    while (catchUps.size < options.catchUpsMax) {
      const tenantId = queue.find((id) => !catchUps.has(id));
      if (tenantId === undefined) return;
      queue.splice(queue.indexOf(tenantId), 1);
      const task = catchUp(tenantId, signal)
        .catch((error: unknown) => {
          if (!signal.aborted)
            logger.error({ tenantId, err: error }, 'catching a tenant up failed; trying again');
          return signal.aborted
            ? undefined
            : clock.sleep(1_000, signal).then(
                () => schedule(tenantId),
                () => undefined,
              );
        })
        .finally(() => {
          catchUps.delete(tenantId);
          pumpCatchUps();
        });
      catchUps.set(tenantId, task);
    }
  };

  /** Reads a tenant's partition again, apart from the others, until the tenant meets the partition's own progress. */
  const catchUp = async (tenantId: string, signal: AbortSignal): Promise<void> => {
    const start = await writer.call('start', null);
    const tenant: KnownTenant | undefined = start.tenants.find(
      (known) => known.tenantId === tenantId,
    );
    if (tenant?.state.kind !== 'behind') return;
    const { partition } = tenant;
    let next = tenant.state.fromOffset;
    const done = new AbortController();
    logger.info({ tenantId, partition, fromOffset: next }, 'catching a tenant up from the log');
    try {
      await wal.consume({
        topic: walTopic,
        from: new Map([[partition, next]]),
        signal: AbortSignal.any([signal, done.signal]),
        onBatch: async (batch) => {
          if (done.signal.aborted) return;
          const from = next;
          next = batch.records.at(-1)!.offset + 1;
          const own = batch.records.filter((record) => record.key === tenantId);
          const result = await persist(() => {
            const packed = packBatch(walTopic, partition, own);
            return writer.call(
              'catchUp',
              { tenantId, from, next, batch: packed },
              transferOf(packed),
            );
          }, signal);
          await absorb(result);
          if (result.states.length > 0) done.abort();
        },
      });
    } catch (error) {
      if (!isEntError(error, 'LOG_START_PASSED')) throw error;
      await absorb(
        await writer.call('quarantine', { tenantId, code: error.code, message: error.message }),
      );
    }
  };

  return {
    lost,
    async run(signal) {
      const from = new Map<number, number>();
      for (const [partition, nextOffset] of options.nextOffsets) {
        const { startOffset } = await wal.bounds(walTopic, partition);
        if (startOffset <= nextOffset) {
          from.set(partition, nextOffset);
          continue;
        }
        const error = new EntError(
          'LOG_START_PASSED',
          `partition ${partition} of ${walTopic} begins at offset ${startOffset}, and ${nextOffset} must come next`,
          {
            position: { topic: walTopic, partition, offset: nextOffset },
            hint: 'the records in between are no longer in the log: bring this volume back from a snapshot and the archive',
          },
        );
        lost.set(partition, error);
        logger.error({ partition, err: error }, 'the log no longer reaches back far enough');
      }
      running = signal;
      for (const [tenantId, state] of tenants.troubled())
        if (state.kind === 'behind') schedule(tenantId);
      if (from.size > 0)
        await wal.consume({
          topic: walTopic,
          from,
          signal,
          onBatch: (batch) => onBatch(batch, signal),
        });
      await Promise.all(catchUps.values());
    },
    async distrust(tenantId, error) {
      await absorb(
        await writer.call('distrust', { tenantId, code: error.code, message: error.message }),
      );
    },
  };
}
