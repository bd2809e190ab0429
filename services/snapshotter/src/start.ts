import { join } from 'node:path';
import { realRng, toError } from '@entdb/base';
import { createDigestLedger, createVoice, logOf, openObjectStore } from '@entdb/fleet';
import type { ServiceContext, Started } from '@entdb/service-kit';
import { openCache } from './cache.ts';
import type { SnapshotterSettings } from './config.ts';
import { createHearing } from './hearing.ts';
import { heardState, storeState } from './health.ts';
import { createMeters, oldestMs } from './meters.ts';
import { createSnapshotter, type Snapshotter } from './snapshotter.ts';
import { statusOf } from './status.ts';
import { standsStill } from './tenant.ts';
import { createWorkPool } from './work-pool.ts';

const healthEveryMs = 1_000;
const hourMs = 3_600_000;
/** Names in one answer: enough to see what is wrong. */
const namesMax = 100;
/** What is remembered of published digests: some 30 MB at the most. */
const ledgerLimits = { perTenantMax: 32, tenantsMax: 2_000 };
/** So long the first snapshots wait for what was published before the start. */
const hearingWaitMs = 10_000;

/**
 * Builds a snapshotter from its settings and sets it going. Turned off, it only tells that it is. `thread` is what its threads run.
 *
 * The log is where the fleet speaks, and no more: without it snapshots are made all the same, and are compared with nothing that appliers said.
 */
export async function startSnapshotter(
  context: ServiceContext<SnapshotterSettings>,
  thread = new URL('./work-thread.ts', import.meta.url),
): Promise<Started> {
  const { settings, instance, logger, health, clock, stopping, metrics } = context;
  const { enabled, parallel } = settings;
  const ports = { logger, clock, rng: realRng };
  const rules = { intervalMs: settings.intervalMs, recordsMax: settings.recordsMax };
  let snapshotter: Snapshotter | undefined;
  const tenants = () => snapshotter?.tenants() ?? [];
  const meters = createMeters(metrics, { tenants, rules, clock });
  health.set('s3', enabled ? notYet : { kind: 'healthy', text: 'disabled' });

  const { wal, topics } = logOf(settings, ports);
  context.onStop('log', () => wal.close());
  const ended = new AbortController();
  const { signal } = ended;
  const ledger = createDigestLedger(ledgerLimits);
  const hearing = createHearing({
    wal,
    ledger,
    prepare: async () => {
      if (settings.log === 'embedded') await wal.createTopics(topics); // Kafka's are made by `entdb topics create`
    },
    lookBackMs: settings.intervalMs + hourMs,
    ...ports,
    signal,
  });
  const tasks = [hearing.run()];
  health.set('wal', heardState(hearing));

  if (enabled) {
    const store = await openObjectStore(settings, ports, stopping);
    context.onStop('object store', () => store.close());
    const cache = openCache({
      dir: settings.cacheDir ?? join(settings.dataDir, 'snapshotter'),
      bytesMax: settings.cacheBytesMax,
      clock,
    });
    context.onStop('cache', () => cache.close());
    const work = createWorkPool({ threads: parallel, thread, settings });
    const running = createSnapshotter({
      store,
      cache,
      work,
      published: ledger,
      rules,
      pollMs: settings.pollMs,
      parallel,
      retention: { days: settings.retentionDays, dryRun: settings.retentionDryRun },
      meters,
      ...ports,
      signal,
    });
    snapshotter = running;
    const begin = async (): Promise<void> => {
      await Promise.race([hearing.settled, clock.sleep(hearingWaitMs, signal)]).catch(() => {}); // woken by the end
      await running.run();
    };
    tasks.push(
      begin().catch((error: unknown) => {
        logger.error({ err: toError(error) }, 'the snapshotter cannot go on: the process stops');
        process.exit(1);
      }),
    );
    signal.addEventListener('abort', () => void tasks.push(work.close()));
  } else {
    logger.warn(
      {},
      'snapshots are turned off, and so is retention: restores replay all of the archive',
    );
  }

  const begun = (snapshotter?.begun ?? Promise.resolve()).then(() => true);
  const hasBegun = () => Promise.race([begun, Promise.resolve(false)]);
  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      health.set('wal', heardState(hearing));
      if (snapshotter && ((await hasBegun()) || snapshotter.trouble() !== undefined))
        health.set('s3', storeState(snapshotter));
      await clock.sleep(healthEveryMs, signal).catch(() => {}); // woken by the end
    }
  };
  const voice = createVoice({ wal, service: 'snapshotter', instance, clock, logger });
  const tell = async (): Promise<void> => {
    while (!signal.aborted) {
      // Before that there is nothing to say but what hinders it.
      const trouble = snapshotter?.trouble();
      if (hearing.trouble() === undefined && ((await hasBegun()) || trouble !== undefined)) {
        const lastSuccessMs = meters.lastSuccessMs();
        const view = { enabled, tenants: tenants(), rules, trouble, lastSuccessMs };
        await voice.say({ case: 'snapshotter', value: statusOf(view, clock.now()) });
      }
      await clock.sleep(settings.statusIntervalMs, signal).catch(() => {}); // woken by the end
    }
  };
  tasks.push(watch(), tell());
  context.onStop('loops', async () => {
    ended.abort();
    await Promise.all(tasks);
    await voice.close();
  });

  return {
    routes: () => {},
    ...(snapshotter && { ready: snapshotter.begun }),
    facts: () => ({
      snapshot_enabled: enabled,
      last_snapshot: lastSnapshot(meters.lastSuccessMs()),
      snapshot_age_hours: oldestMs(tenants(), clock.now()) / hourMs,
      compared: meters.compared(),
      tenants: tenants().length,
      standing_still: tenants()
        .filter(standsStill)
        .slice(0, namesMax)
        .map(({ tenantId, fault, doubt }) => ({
          tenantId,
          code: fault?.code,
          during: fault?.during,
          ...(doubt && { doubt }),
        })),
    }),
  };
}

const notYet = { kind: 'degraded', reason: 'the object store has not answered yet' } as const;

const lastSnapshot = (timeMs: number): string | null =>
  timeMs === 0 ? null : new Date(timeMs).toISOString();
