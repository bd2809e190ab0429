import { isEntError, realRng, toError } from '@entdb/base';
import { createVoice, openLog, openObjectStore } from '@entdb/fleet';
import type { ServiceContext, Started } from '@entdb/service-kit';
import { walTopic, type Wal } from '@entdb/wal';
import { createArchiver, type Archiver } from './archiver.ts';
import type { ArchiverSettings } from './config.ts';
import { createPackers } from './packing/packers.ts';
import { createMeters, stoppedTenants, type Measured } from './meters.ts';
import { statusOf, troubleOf } from './status.ts';

const tenantsMax = 10_000;
/** From this share of the log's retention on somebody must be told: a record that is older than the retention is lost to the archive. */
const ageRatioWarned = 0.5;
const warnAgainAfterMs = 60_000;

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
  const retentionMs = await retentionOf(wal, settings.walRetentionHours * 3_600_000);

  let archiver: Archiver | undefined;
  const measured = (): Measured => archiver ?? { partitions: [], held: 0 };
  const meters = createMeters(metrics, { measured, retentionMs, clock });
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
    trouble: archiver?.trouble(),
    lastSuccessMs: meters.lastSuccessMs(),
  });
  let warnedAtMs = -Infinity;
  const warnOfAge = (): void => {
    const ages = measured().partitions.map((partition) => partition.lag(clock.now()).ageMs);
    const ratio = Math.max(0, ...ages) / retentionMs;
    if (ratio <= ageRatioWarned || clock.monotonic() - warnedAtMs < warnAgainAfterMs) return;
    warnedAtMs = clock.monotonic();
    logger.warn(
      { ratio, oldestUnarchivedMs: Math.max(...ages), retentionMs },
      'the oldest record that is not archived comes near to the end of the log’s retention',
    );
  };
  const ready = Promise.withResolvers<void>();
  const begun = (archiver?.begun ?? Promise.resolve()).then(() => true);
  const tell = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      if (archiver) health.set('s3', archiveState(archiver));
      warnOfAge();
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
function archiveState(archiver: Archiver) {
  const trouble = archiver.trouble() ?? archiver.partitions.map(troubleOf).find(Boolean);
  if (trouble !== undefined) return { kind: 'degraded', reason: trouble } as const;
  const stopped = archiver.partitions.flatMap(stoppedTenants).length;
  if (stopped > 0)
    return { kind: 'degraded', reason: `the archive of ${stopped} tenants stands still` } as const;
  return { kind: 'healthy' } as const;
}

/** How long the log really keeps a record; for ever is Infinity. */
async function retentionOf(wal: Wal, expectedMs: number): Promise<number> {
  const stated = (await wal.describeTopic(walTopic))?.config['retention.ms'];
  const ms = stated === undefined ? expectedMs : Number(stated);
  return ms < 0 ? Infinity : ms;
}
