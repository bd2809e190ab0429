import { isEntError, realRng, toError } from '@entdb/base';
import { exposureOf, readRetention } from './retention.ts';
import { createVoice, openLog, openObjectStore } from '@entdb/fleet';
import type { ServiceContext, Started } from '@entdb/service-kit';
import { createArchiver, type Archiver } from './archiver.ts';
import type { ArchiverSettings } from './config.ts';
import { createPackers } from './packing/packers.ts';
import { createMeters, stoppedTenants, type Measured } from './meters.ts';
import { statusOf, troubleOf } from './status.ts';

const tenantsMax = 10_000;
const warnAgainAfterMs = 60_000;
/** Somebody may change it while we run. */
const retentionAskedEveryMs = 30_000;

/** Builds an archiver from its settings and sets it going. Turned off, it only tells the fleet that it is. */
export async function startArchiver(context: ServiceContext<ArchiverSettings>): Promise<Started> {
  const { settings, instance, logger, health, clock, stopping, metrics } = context;
  const { enabled, index, archivers, walPartitions: partitions } = settings;
  const ports = { logger, clock, rng: realRng };
  health.set('wal', { kind: 'degraded', reason: 'the log has not answered yet' });
  health.set('s3', enabled ? notYet : disabled);

  const { wal } = await openLog(settings, ports, stopping);
  context.onStop('log', () => wal.close());
  health.set('wal', { kind: 'healthy', text: 'connected' });
  const askRetention = () => readRetention(wal, settings.walRetentionHours * 3_600_000);
  let retention = await askRetention();
  let retentionAskedMs = clock.monotonic();
  let isAsking = false;

  let archiver: Archiver | undefined;
  const measured = (): Measured => archiver ?? { partitions: [], held: 0 };
  const meters = createMeters(metrics, { measured, retention: () => retention, clock });
  const ended = new AbortController();
  const tasks: Promise<void>[] = [];

  if (enabled) {
    const store = await openObjectStore(settings, ports, stopping);
    context.onStop('object store', () => store.close());
    health.set('s3', { kind: 'healthy' });
    const packers = createPackers(settings.threads);
    context.onStop('packing threads', () => packers.close());
    const owned = Array.from({ length: partitions }, (_, partition) => partition);
    archiver = createArchiver({
      wal,
      store,
      owned: owned.filter((partition) => partition % archivers === index),
      limits: settings,
      packers,
      heldBytesMax: settings.bufferBytesMax,
      parallel: settings.parallel,
      intervalMs: settings.statusIntervalMs,
      tenantsMax,
      ...ports,
      meters,
      signal: ended.signal,
    });
    tasks.push(
      archiver.run().catch((error: unknown) => {
        // The log and the store make a restart safe, and a restart is the one thing that mends what cannot be gone on with.
        logger.error(
          { err: toError(error), ...(isEntError(error) && { code: error.code, ...error.facts }) },
          'archiving cannot go on: the process stops',
        );
        process.exit(1);
      }),
    );
  } else {
    logger.warn({}, 'the archive is turned off: what the log forgets is not kept');
  }

  const voice = createVoice({ wal, service: 'archiver', instance, clock, logger });
  const view = () => ({
    enabled,
    index,
    archivers,
    partitions: measured().partitions,
    retention,
    trouble: archiver?.trouble(),
    lastSuccessMs: meters.lastSuccessMs(),
  });
  let warnedAtMs = -Infinity;
  const troubles = () =>
    measured().partitions.map((archive) => ({
      partition: archive.partition,
      ...exposureOf(archive.lag(clock.now()), retention),
      trouble: troubleOf(archive, exposureOf(archive.lag(clock.now()), retention)),
    }));
  const warn = (): void => {
    if (clock.monotonic() - warnedAtMs < warnAgainAfterMs) return;
    for (const { trouble, ...facts } of troubles()) {
      if (trouble === undefined) continue;
      warnedAtMs = clock.monotonic();
      logger.warn({ ...facts, retention }, trouble);
    }
  };
  /** Beside the loop: a log that does not answer must not keep it from telling so. */
  const lookAtRetention = async (): Promise<void> => {
    if (isAsking || clock.monotonic() - retentionAskedMs < retentionAskedEveryMs) return;
    isAsking = true;
    try {
      retention = await askRetention();
    } catch (error) {
      if (!ended.signal.aborted)
        logger.warn({ err: toError(error) }, 'the log does not say how long it keeps a record');
    }
    isAsking = false;
    retentionAskedMs = clock.monotonic();
  };
  const ready = Promise.withResolvers<void>();
  const begun = (archiver?.begun ?? Promise.resolve()).then(() => true);
  const tell = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      void lookAtRetention();
      if (archiver)
        health.set(
          's3',
          archiveState(
            archiver,
            troubles().map(({ trouble }) => trouble),
          ),
        );
      warn();
      const hasBegun = await Promise.race([begun, Promise.resolve(false)]);
      // Before that there is nothing to say but what hinders it.
      if (hasBegun || archiver?.trouble() !== undefined)
        await voice.say({ case: 'archiver', value: statusOf(view(), clock.now()) });
      if (hasBegun) ready.resolve();
      await clock.sleep(settings.statusIntervalMs, ended.signal).catch(() => {}); // woken by the end
    }
  };
  tasks.push(tell());
  context.onStop('loops', async () => {
    ended.abort();
    await Promise.all(tasks);
    await voice.close();
  });

  return {
    routes: () => {},
    ready: ready.promise,
    facts: () => ({
      archive_enabled: enabled,
      archive_lag_events: measured().partitions.reduce(
        (sum, partition) => sum + partition.lag(clock.now()).records,
        0,
      ),
      standing_still: measured().partitions.flatMap(stoppedTenants).slice(0, 100),
    }),
  };
}

const notYet = { kind: 'degraded', reason: 'the object store has not answered yet' } as const;
const disabled = { kind: 'healthy', text: 'disabled' } as const;

/** What is wrong with the archive, if anything. It is never unhealthy: to send no calls here would mend nothing. */
function archiveState(archiver: Archiver, troubles: readonly (string | undefined)[]) {
  // What can be lost first, then why.
  const trouble = [troubles.find(Boolean), archiver.trouble()].filter(Boolean).join('; ');
  if (trouble !== '') return { kind: 'degraded', reason: trouble } as const;
  const stopped = archiver.partitions.flatMap(stoppedTenants).length;
  if (stopped > 0)
    return { kind: 'degraded', reason: `the archive of ${stopped} tenants stands still` } as const;
  return { kind: 'healthy' } as const;
}
