import { join } from 'node:path';
import { isEntError, realRng, toError } from '@entdb/base';
import { QueryService } from '@entdb/contracts';
import { createFleetMap, followFleet, openLog } from '@entdb/fleet';
import type { ServiceContext, Started } from '@entdb/service-kit';
import { createWorkerClient } from '@entdb/threads';
import { walTopic } from '@entdb/wal';
import { createApplier } from './applier.ts';
import type { ApplierSettings } from './config.ts';
import { createGate } from './gate.ts';
import { createQueryService } from './handlers/query.ts';
import { createMeters } from './meters.ts';
import { createProgress } from './progress.ts';
import { createPublisher } from './publisher.ts';
import { createReaderPool } from './reader/pool.ts';
import { observeEnds, publishStatus } from './status.ts';
import { createTail } from './tail.ts';
import { createTenants } from './tenants.ts';
import type { WriterData, WriterMethods } from './writer/protocol.ts';

const catchUpsMax = 4;
const tailRecordsMax = 1_000;
const publishQueueMax = 100_000;
const silenceMaxMs = 10_000;

/** Builds an applier from its settings and sets it going. */
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
    if (stopping.aborted) return;
    logger.error(
      { err: toError(error), ...(isEntError(error) && { code: error.code, ...error.facts }) },
      message,
    );
    process.exit(1);
  };

  const { wal } = await openLog(settings, { logger, clock, rng }, stopping);
  onStop('log', () => wal.close());
  health.set('wal', { kind: 'healthy', text: 'connected' });

  const workerData: WriterData = {
    dir,
    topic: walTopic,
    partitions,
    owned,
    openTenantsMax: settings.openTenantsMax,
    logLevel: settings.logLevel,
    instance,
  };
  const writer = createWorkerClient<WriterMethods>({
    url: new URL('./writer/worker.ts', import.meta.url),
    name: 'the writer thread',
    workerData,
    lostCode: 'STORE_UNAVAILABLE',
    onLost: fatal('the writer thread has ended: the process stops'),
  });
  onStop('writer', () => writer.close());
  const readers = createReaderPool({
    dir,
    openTenantsMax: settings.openTenantsMax,
    threads: settings.readerThreads,
  });
  onStop('readers', () => readers.close());
  const { nextOffsets, tenants: known } = await writer.call('start', null);
  health.set('sqlite', { kind: 'healthy' });

  const tenants = createTenants(known);
  const progress = createProgress(walTopic, nextOffsets, clock);
  const telling = new AbortController();
  const publisher = createPublisher({
    wal,
    logger,
    clock,
    rng,
    queueRecordsMax: publishQueueMax,
    signal: telling.signal,
  });
  onStop('publisher', async () => {
    telling.abort();
    await publisher.close();
  });
  const tail = createTail({ bufferRecordsMax: tailRecordsMax });
  const meters = createMeters(context.metrics, { owned, progress, tenants });
  const applier = createApplier({
    wal,
    writer,
    readers,
    progress,
    tenants,
    publisher,
    tail,
    nextOffsets,
    logger,
    clock,
    rng,
    catchUpsMax,
    onApplied: (records, seconds) => meters.applied(records, seconds),
  });
  const fleet = createFleetMap({ clock, silenceMaxMs });

  const ended = new AbortController();
  const running = applier
    .run(ended.signal)
    .catch(fatal('the log can no longer be followed: the process stops'));
  const following = followFleet({ wal, map: fleet, logger, signal: ended.signal }).catch(
    fatal('the fleet can no longer be heard: the process stops'),
  );

  const address = settings.advertisedAddress ?? `http://${settings.host}:${settings.rpcPort}`;
  const caughtUp = Promise.withResolvers<void>();
  const watchOver = async () => {
    await observeEnds(wal, owned, progress);
    await writer.call('assertIntact', null);
    publishStatus({
      instance,
      address,
      shard,
      shards,
      partitions,
      owned,
      progress,
      tenants,
      publisher,
      clock,
    });
    const { lost } = applier;
    const troubled = tenants.troubled().size;
    health.set(
      'wal',
      lost.size > 0
        ? {
            kind: 'degraded',
            reason: `the log no longer reaches back for partitions ${[...lost.keys()].join(', ')}`,
          }
        : { kind: 'healthy', text: 'connected' },
    );
    health.set(
      'sqlite',
      troubled > 0
        ? { kind: 'degraded', reason: `${troubled} tenants stand still or are being rebuilt` }
        : { kind: 'healthy' },
    );
    if (owned.every((partition) => lost.has(partition) || progress.caughtUp(partition)))
      caughtUp.resolve();
  };
  const watching = repeat(settings.statusIntervalMs, async () => {
    try {
      await watchOver();
    } catch (error) {
      if (isEntError(error, 'STORE_MISSING'))
        return fatal('the volume is gone: the process stops and rebuilds it')(error);
      health.set('wal', { kind: 'degraded', reason: toError(error).message });
      logger.warn({ err: toError(error) }, 'the log cannot be asked for its end');
    }
  });
  const syncing = repeat(settings.checkpointIntervalMs, async () => {
    try {
      await writer.call('sync', null);
    } catch (error) {
      if (!isEntError(error, 'STORE_UNAVAILABLE'))
        return fatal('files cannot be synced: the process stops')(error);
      logger.error({ err: error }, 'files cannot be synced now; trying again');
    }
  });

  /** Does a thing again and again, one at a time, until the end. */
  async function repeat(intervalMs: number, task: () => Promise<void>): Promise<void> {
    while (!ended.signal.aborted) {
      await task();
      await clock.sleep(intervalMs, ended.signal).catch(() => undefined); // woken by the end
    }
  }

  onStop('loops', async () => {
    ended.abort();
    await Promise.all([running, following, watching, syncing]);
    await writer.call('sync', null);
  });

  const gate = createGate({
    shard,
    shards,
    partitions,
    progress,
    tenants,
    lost: applier.lost,
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
    ready: caughtUp.promise,
    facts: () => ({
      applier_lag_ms: meters.lagMs(),
      tenants: tenants.size,
      standing_still: [...tenants.troubled().keys()].slice(0, 100),
      last_snapshot: null,
    }),
  };
}
