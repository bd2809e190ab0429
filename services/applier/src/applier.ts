import type { Clock, EntError, Logger, Rng } from '@entdb/base';
import { patiently } from '@entdb/fleet';
import { packBatch, transferOf, type ShardNews } from '@entdb/tenant-store';
import type { WorkerClient } from '@entdb/threads';
import { resultsTopic, walTopic, type LogBatch, type Wal } from '@entdb/wal';
import { createCatchUps } from './catch-ups.ts';
import { logStartPassed } from './log-start-passed.ts';
import { createPersistence } from './persistence.ts';
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
  /** A reader met damage or a missing file: the tenant is rebuilt. Told of the same damage again it does nothing. */
  distrust(tenantId: string, error: EntError): Promise<void>;
  /** Syncs what has changed, and moves the checkpoints. */
  checkpoint(): Promise<void>;
  /** Partitions whose next record the log no longer holds. Their tenants cannot be brought up to date from the log alone. */
  readonly lost: ReadonlyMap<number, EntError>;
  /** Why the disk takes nothing, while it does not. */
  refusal(): EntError | undefined;
}

export interface ApplierOptions {
  readonly wal: Pick<Wal, 'bounds' | 'consume'>;
  readonly writer: Pick<WorkerClient<WriterMethods>, 'call'>;
  readonly readers: Pick<ReaderPool, 'forget'>;
  readonly progress: Progress;
  readonly tenants: Tenants;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly tail: Pick<Tail, 'committed'>;
  readonly nextOffsets: ReadonlyMap<number, number>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly onApplied: (records: number, seconds: number) => void;
  /** Records of the tenant were committed. */
  readonly onTouched: (tenantId: string) => void;
}

/** Nobody waits longer for a verdict: after a rebuild, those of long ago are not told again. */
const verdictAgeMaxMs = 15 * 60_000;
/** Tenants synced by one call of the writer thread; between two calls it applies records. */
const syncTenantsMax = 32;

export function createApplier(options: ApplierOptions): Applier {
  const { wal, writer, readers, progress, tenants, publisher, tail, logger, clock, rng } = options;
  const lost = new Map<number, EntError>();
  const { persist, refusal } = createPersistence({ logger, clock, rng });

  /** Tells what was committed. A tenant's new state first: from then on no read of its old files begins or is answered. */
  const absorb = async ({ states, touched, verdicts }: ShardNews): Promise<void> => {
    for (const change of states) tenants.change(change);
    for (const { tenantId, offset } of touched) {
      tenants.touch(tenantId, offset);
      options.onTouched(tenantId);
    }
    const askedAfterMs = clock.now() - verdictAgeMaxMs;
    for (const { partition, tenantId, askedAtMs, value } of verdicts)
      if (askedAtMs >= askedAfterMs)
        publisher.publish(resultsTopic, partition, { key: tenantId, value });
    const fallen = states.filter(({ state }) => state.kind !== 'active');
    await Promise.all(fallen.map(({ tenantId }) => readers.forget(tenantId)));
    for (const { partition, tenantId, state } of fallen)
      if (state.kind === 'behind') catchUps.add(partition, tenantId);
  };

  const catchUps = createCatchUps({
    wal,
    tenants,
    logger,
    clock,
    passesMax: 4,
    tenantsPerPassMax: 100,
    feed: async (step, records, signal) => {
      const news = await persist(() => {
        const batch = packBatch(walTopic, step.partition, records);
        return writer.call('catchUp', { step, batch }, transferOf(batch));
      }, signal);
      await absorb(news);
      return news;
    },
    giveUp: async (tenantId, { code, message }) =>
      absorb(await writer.call('quarantine', { tenantId, code, message })),
  });

  const onBatch = async (
    { partition, records, endOffset }: LogBatch,
    signal: AbortSignal,
  ): Promise<void> => {
    const from = progress.nextOffset(partition);
    const fresh =
      records[0]!.offset < from ? records.filter((record) => record.offset >= from) : records;
    const last = fresh.at(-1);
    if (!last) return;
    const started = clock.monotonic();
    const result = await persist(() => {
      const batch = packBatch(walTopic, partition, fresh);
      return writer.call('apply', batch, transferOf(batch));
    }, signal);
    await absorb(result);
    progress.advance(partition, result.nextOffset, endOffset, last.timeMs);
    tail.committed(partition, fresh);
    options.onApplied(fresh.length, (clock.monotonic() - started) / 1000);
  };

  /** Where to read on. A partition whose next record the log no longer holds is left out. */
  const positions = async (signal: AbortSignal): Promise<ReadonlyMap<number, number>> => {
    const from = new Map<number, number>();
    for (const [partition, nextOffset] of options.nextOffsets) {
      const { startOffset } = await patiently(
        'asking the log where it begins',
        () => wal.bounds(walTopic, partition),
        { logger, clock, rng, signal },
      );
      if (startOffset <= nextOffset) {
        from.set(partition, nextOffset);
        continue;
      }
      const error = logStartPassed(partition, nextOffset, startOffset);
      lost.set(partition, error);
      logger.error({ partition, err: error }, 'the log no longer reaches back far enough');
    }
    return from;
  };

  return {
    lost,
    refusal,
    async run(signal) {
      const from = await positions(signal);
      for (const [tenantId, { partition, state }] of tenants.troubled())
        if (state.kind === 'behind') catchUps.add(partition, tenantId);
      const failed = new AbortController();
      const both = AbortSignal.any([signal, failed.signal]);
      const catchingUp = catchUps.run(both);
      try {
        if (from.size > 0)
          await wal.consume({
            topic: walTopic,
            from,
            signal: both,
            onBatch: (b) => onBatch(b, both),
          });
      } catch (error) {
        failed.abort();
        throw error;
      } finally {
        await catchingUp;
      }
    },
    async distrust(tenantId, { code, message }) {
      if (tenants.state(tenantId).kind !== 'active') return;
      await absorb(await writer.call('distrust', { tenantId, code, message }));
    },
    async checkpoint() {
      for (let done = false; !done;) {
        const news = await writer.call('sync', syncTenantsMax);
        await absorb(news);
        done = news.done;
      }
    },
  };
}
