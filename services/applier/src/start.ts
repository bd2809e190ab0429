import { join } from 'node:path';
import { isEntError, parseTenantId, partitionOf, realRng, toError } from '@entdb/base';
import { QueryService } from '@entdb/contracts';
import { createFleetMap, followFleet, objectStoreOf, openLog } from '@entdb/fleet';
import type { ServiceContext, Started } from '@entdb/service-kit';
import { createWorkerClient } from '@entdb/threads';
import { walTopic } from '@entdb/wal';
import { createApplier } from './applier.ts';
import type { ApplierSettings } from './config.ts';
import { createDigestTeller } from './digests.ts';
import { createGate } from './gate.ts';
import { createQueryService } from './handlers/query.ts';
import { healFolders } from './heal/folders.ts';
import type { HealerData, HealerMethods } from './heal/protocol.ts';
import { createStoreAtHand } from './heal/store-at-hand.ts';
import { createStoreWatch } from './heal/store-watch.ts';
import { createMeters } from './meters.ts';
import { createOverseer } from './overseer.ts';
import { createProgress } from './progress.ts';
import { createPublisher } from './publisher.ts';
import { createReaderPool } from './reader/pool.ts';
import { createTail } from './tail.ts';
import { createTenants } from './tenants.ts';
import type { WriterData, WriterMethods } from './writer/protocol.ts';

const publishQueueBytesMax = 32 * 1024 * 1024;
const publishCloseWaitMs = 5_000;
const tailRecordsMax = 1_000;
const tailBytesMax = 8 * 1024 * 1024;
const silenceMaxMs = 10_000;
/** In one status interval. */
const digestTenantsMax = 100;

/**
 * Builds an applier from its settings and sets it going. At the end the loops stop first, after what they have in hand; then what they committed
 * is told; then the threads end, the writer with its files synced; the log comes last, because all of them use it.
 */
export async function startApplier(context: ServiceContext<ApplierSettings>): Promise<Started> {
  const { settings, instance, logger, health, clock, stopping } = context;
  const onStop: typeof context.onStop = (name, close) => context.onStop(name, close);
  const { shard, shards, walPartitions: partitions } = settings;
  const rng = realRng;
  const dir = settings.storeDir ?? join(settings.dataDir, 'store');
  const owned = Array.from({ length: partitions }, (_, partition) => partition).filter(
    (partition) => partition % shards === shard,
  );

  /** The log makes a restart safe, and a restart is the one thing that mends what cannot be gone on with. */
  const fatal = (message: string) => (error: unknown) => {
    if (stopping.aborted) {
      logger.warn({ err: toError(error) }, `${message}, while it was stopping anyway`);
      return;
    }
    logger.error(
      { err: toError(error), ...(isEntError(error) && { code: error.code, ...error.facts }) },
      message,
    );
    process.exit(1);
  };

  health.set('wal', { kind: 'degraded', reason: 'the log has not answered yet' });
  const { wal } = await openLog(settings, { logger, clock, rng }, stopping);
  onStop('log', () => wal.close());
  health.set('wal', { kind: 'healthy', text: 'connected' });

  const writer = createWorkerClient<WriterMethods>({
    url: new URL('./writer/worker.ts', import.meta.url),
    name: 'the writer thread',
    workerData: {
      dir,
      topic: walTopic,
      partitions,
      owned,
      openTenantsMax: settings.openTenantsMax,
      logLevel: settings.logLevel,
      instance,
    } satisfies WriterData,
    lostCode: 'STORE_UNAVAILABLE',
    onLost: fatal('the writer thread has ended: the process stops'),
  });
  onStop('writer', () => writer.close());
  const readers = createReaderPool({
    dir,
    openTenantsMax: settings.openTenantsMax,
    threads: settings.readerThreads,
    onLost: (cause) =>
      logger.error({ err: cause }, 'a reader thread has died; the next read starts another'),
  });
  onStop('readers', () => readers.close());
  const { nextOffsets, tenants: known } = await writer.call('start', null);
  health.set('sqlite', { kind: 'healthy' });

  const tenants = createTenants(known);
  const progress = createProgress(walTopic, nextOffsets, clock);
  const publisher = createPublisher({
    wal,
    logger,
    clock,
    rng,
    queueBytesMax: publishQueueBytesMax,
    closeWaitMs: publishCloseWaitMs,
  });
  onStop('publisher', () => publisher.close());
  const tail = createTail({ bufferRecordsMax: tailRecordsMax, bufferBytesMax: tailBytesMax });
  const digests = createDigestTeller({
    instance,
    writer,
    publisher,
    clock,
    intervalMs: settings.digestIntervalMs,
    tenantsMax: digestTenantsMax,
  });
  const objects = objectStoreOf(settings, { clock, rng });
  onStop('object store', () => objects.close());
  const store = createStoreAtHand(objects, settings);
  health.set('s3', { kind: 'healthy', text: 'not asked yet' });
  const storeWatch = createStoreWatch({ store, clock, logger });
  const healer = createWorkerClient<HealerMethods>({
    url: new URL('./heal/worker.ts', import.meta.url),
    name: 'the healer thread',
    workerData: {
      dir,
      store: settings,
      logLevel: settings.logLevel,
      instance,
    } satisfies HealerData,
    lostCode: 'STORE_UNAVAILABLE',
    onLost: (cause) =>
      logger.error({ err: cause }, 'the healer thread has died; the next job starts another'),
  });
  onStop('healer', () => healer.close());
  if (healFolders(dir).any()) {
    const waiting = known.filter(({ state }) => state.kind !== 'active');
    await healer.call(
      'sweep',
      waiting.map(({ tenantId }) => tenantId),
    );
  }
  const meters = createMeters(context.metrics, {
    owned,
    progress,
    tenants,
    healing: () => applier.healing,
  });
  const applier = createApplier({
    wal,
    writer,
    readers,
    progress,
    tenants,
    publisher,
    tail,
    nextOffsets,
    healer,
    store,
    healParallel: settings.healParallel,
    onHeal: (event) => meters.heal(event),
    partitionOf: (tenantId) => partitionOf(parseTenantId(tenantId), partitions),
    logger,
    clock,
    rng,
    onApplied: (records, seconds) => meters.applied(records, seconds),
    onTouched: (tenantId) => digests.changed(tenantId),
  });
  const fleet = createFleetMap({ clock, silenceMaxMs });
  const overseer = createOverseer({
    instance,
    address: settings.advertisedAddress ?? `http://${settings.host}:${settings.rpcPort}`,
    shard,
    shards,
    partitions,
    owned,
    progress,
    tenants,
    publisher,
    clock,
    wal,
    writer,
    applier,
    store: storeWatch,
    health,
    logger,
  });

  const ended = new AbortController();
  const { signal } = ended;
  /** Does a thing again and again, one at a time, until the end. */
  const repeat = async (intervalMs: number, task: () => Promise<void>): Promise<void> => {
    while (!signal.aborted) {
      await task();
      await clock.sleep(intervalMs, signal).catch(() => undefined); // woken by the end
    }
  };
  const checkpoint = async () => {
    try {
      await applier.checkpoint();
    } catch (error) {
      if (!isEntError(error, 'STORE_UNAVAILABLE')) throw error;
      logger.error({ err: error }, 'files cannot be synced now; trying again');
    }
  };
  const loops = [
    applier.run(signal).catch(fatal('the log can no longer be followed: the process stops')),
    followFleet({ wal, map: fleet, logger, clock, rng, signal }).catch(
      fatal('the fleet can no longer be heard: the process stops'),
    ),
    repeat(settings.statusIntervalMs, () => overseer.look()).catch(
      fatal('the volume is gone: the process stops, and the next one rebuilds it'),
    ),
    storeWatch.run(signal),
    repeat(settings.statusIntervalMs, () => digests.tell()).catch(
      fatal('digests cannot be had: the process stops'),
    ),
    repeat(settings.checkpointIntervalMs, checkpoint).catch(
      fatal('files cannot be synced: the process stops'),
    ),
  ];
  onStop('loops', async () => {
    ended.abort();
    await Promise.all(loops);
    await applier.checkpoint();
  });

  const gate = createGate({
    shard,
    shards,
    partitions,
    progress,
    tenants,
    lost: () => applier.lost,
    fleet,
  });
  const service = createQueryService({
    gate,
    readers,
    tenants,
    progress,
    tail,
    wal,
    applier,
    watchersMax: settings.watchersMax,
  });
  return {
    routes: (router) => router.service(QueryService, service),
    ready: overseer.caughtUp,
    facts: () => ({
      applier_lag_ms: meters.lagMs(),
      tenants: tenants.size,
      standing_still: [...tenants.troubled().keys()].slice(0, 100),
      last_snapshot: null,
    }),
  };
}
