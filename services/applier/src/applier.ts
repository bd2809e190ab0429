import type { Clock, EntError, Logger, Rng } from '@entdb/base';
import { patiently } from '@entdb/fleet';
import { packBatch, transferOf, type ShardNews, type TenantFileState } from '@entdb/tenant-store';
import type { WorkerClient } from '@entdb/threads';
import { resultsTopic, walTopic, type LogBatch, type Wal } from '@entdb/wal';
import { createCatchUps } from './catch-ups.ts';
import { createBootstrap, type Bootstrap } from './heal/bootstrap.ts';
import { createHealer, type HealEvent } from './heal/healer.ts';
import type { HealerMethods } from './heal/protocol.ts';
import type { StoreAtHand } from './heal/store-at-hand.ts';
import { createPersistence } from './persistence.ts';
import type { Progress } from './progress.ts';
import type { Publisher } from './publisher.ts';
import type { ReaderPool } from './reader/pool.ts';
import type { Tail } from './tail.ts';
import type { Tenants } from './tenants.ts';
import { together } from './together.ts';
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
  /** Partitions that stand still: the log no longer holds their next record, and the object store has not helped so far. */
  readonly lost: ReadonlyMap<number, EntError>;
  /** Those of them of which nobody can say yet whether the object store will help. */
  readonly undecided: ReadonlySet<number>;
  /** Tenants that wait for files from the object store. */
  readonly healing: number;
  /** Why no files can be made from the object store at present. */
  storeTrouble(): EntError | undefined;
  /** Why the disk takes nothing, while it does not. */
  refusal(): EntError | undefined;
}

export interface ApplierOptions {
  readonly wal: Pick<Wal, 'bounds' | 'consume' | 'committed'>;
  readonly writer: Pick<WorkerClient<WriterMethods>, 'call'>;
  readonly readers: Pick<ReaderPool, 'forget'>;
  readonly progress: Progress;
  readonly tenants: Tenants;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly tail: Pick<Tail, 'committed'>;
  readonly nextOffsets: ReadonlyMap<number, number>;
  readonly healer: Pick<WorkerClient<HealerMethods>, 'call'>;
  readonly store: StoreAtHand;
  /** Tenants whose files are made at the same time. */
  readonly healParallel: number;
  readonly onHeal: (event: HealEvent) => void;
  readonly partitionOf: (tenantId: string) => number;
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
  const { persist, refusal } = createPersistence({ logger, clock, rng });

  /**
   * Tells what was committed. Of a tenant that falls its new state first: from then on no read of its old files begins or is answered. Of one that rises the
   * state last: a reader may have opened the old files late.
   */
  const absorb = async ({ states, touched, verdicts }: ShardNews): Promise<void> => {
    const risen = states.filter(({ state }) => state.kind === 'active');
    await Promise.all(risen.map(({ tenantId }) => readers.forget(tenantId)));
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
    for (const { partition, tenantId, state } of fallen) bringBack(partition, tenantId, state);
  };

  const bringBack = (partition: number, tenantId: string, state: TenantFileState): void => {
    if (state.kind !== 'behind') return;
    if (state.needs.kind === 'adoption') healer.add(partition, tenantId);
    else catchUps.add(partition, tenantId);
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
    beyondLog: (partition, tenantId) => healer.add(partition, tenantId),
  });

  const distrust: Applier['distrust'] = async (tenantId, { code, message }) =>
    absorb(await writer.call('distrust', { tenantId, code, message }));

  const healer = createHealer({
    wal,
    store: options.store,
    worker: options.healer,
    tenants,
    volume: {
      async install(step, signal) {
        await readers.forget(step.tenantId); // whoever has the old files open would close the new ones by their names
        await absorb(await persist(() => writer.call('install', step), signal));
      },
      passOver: async (tenantId, fromOffset, signal) =>
        absorb(await persist(() => writer.call('passOver', { tenantId, fromOffset }), signal)),
      distrust,
      toLog: (partition, tenantId) => catchUps.add(partition, tenantId),
      giveUp: async (tenantId, { code, message }) =>
        absorb(await writer.call('quarantine', { tenantId, code, message })),
    },
    onHeal: options.onHeal,
    logger,
    clock,
    rng,
    parallel: options.healParallel,
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

  /** Where to read on, and which partitions' next record the log no longer holds. */
  const positions = async (signal: AbortSignal) => {
    const from = new Map<number, number>();
    const missing = new Map<number, number>();
    for (const [partition, nextOffset] of options.nextOffsets) {
      const { startOffset } = await patiently(
        'asking the log where it begins',
        () => wal.bounds(walTopic, partition),
        { logger, clock, rng, signal },
      );
      (startOffset <= nextOffset ? from : missing).set(partition, nextOffset);
    }
    return { from, missing };
  };

  let bootstrap: Bootstrap | undefined;
  const none: Bootstrap['lost'] = new Map();

  return {
    get lost() {
      return bootstrap?.lost ?? none;
    },
    get undecided() {
      return bootstrap?.undecided ?? new Set(options.nextOffsets.keys());
    },
    get healing() {
      return healer.tenants;
    },
    storeTrouble: () => healer.trouble() ?? bootstrap?.trouble(),
    refusal,
    async run(signal) {
      const { from, missing } = await positions(signal);
      await together(signal, (both, start) => {
        const follow = (some: ReadonlyMap<number, number>) =>
          wal.consume({
            topic: walTopic,
            from: some,
            signal: both,
            onBatch: (batch) => onBatch(batch, both),
          });
        bootstrap = createBootstrap(missing, {
          wal,
          store: options.store,
          partitionOf: options.partitionOf,
          async begin(partition, offset, expected) {
            const news = await persist(
              () => writer.call('beginAt', { partition, offset, expected }),
              both,
            );
            await absorb(news);
            const { endOffset } = await wal.bounds(walTopic, partition);
            progress.advance(partition, offset, endOffset, clock.now());
            start(follow(new Map([[partition, offset]])));
          },
          logger,
          clock,
          rng,
        });
        for (const [tenantId, { partition, state }] of tenants.troubled())
          bringBack(partition, tenantId, state);
        start(catchUps.run(both));
        start(healer.run(both));
        start(bootstrap.run(both));
        if (from.size > 0) start(follow(from));
      });
    },
    async distrust(tenantId, error) {
      if (tenants.state(tenantId).kind === 'active') await distrust(tenantId, error);
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
