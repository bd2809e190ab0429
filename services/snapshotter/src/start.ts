import { join } from 'node:path';
import { realRng, toError } from '@entdb/base';
import { openObjectStore } from '@entdb/fleet';
import type { ComponentState, ServiceContext, Started } from '@entdb/service-kit';
import { openCache } from './cache.ts';
import type { SnapshotterSettings } from './config.ts';
import { createMeters, oldestMs } from './meters.ts';
import { createSnapshotter, type Snapshotter } from './snapshotter.ts';
import { standsStill } from './tenant.ts';

const healthEveryMs = 1_000;
const hourMs = 3_600_000;
/** Names in one answer: enough to see what is wrong. */
const namesMax = 100;

/** Builds a snapshotter from its settings and sets it going. Turned off, it only says that it is. */
export async function startSnapshotter(
  context: ServiceContext<SnapshotterSettings>,
): Promise<Started> {
  const { settings, logger, health, clock, stopping, metrics } = context;
  const { enabled } = settings;
  const ports = { logger, clock, rng: realRng };
  const rules = { intervalMs: settings.intervalMs, recordsMax: settings.recordsMax };
  let snapshotter: Snapshotter | undefined;
  const tenants = () => snapshotter?.tenants() ?? [];
  const meters = createMeters(metrics, { tenants, rules, clock });
  health.set('s3', enabled ? notYet : { kind: 'healthy', text: 'disabled' });

  if (enabled) {
    const store = await openObjectStore(settings, ports, stopping);
    context.onStop('object store', () => store.close());
    const cache = openCache({
      dir: settings.cacheDir ?? join(settings.dataDir, 'snapshotter'),
      bytesMax: settings.cacheBytesMax,
      clock,
    });
    context.onStop('cache', () => cache.close());
    const ended = new AbortController();
    const running = createSnapshotter({
      store,
      cache,
      rules,
      pollMs: settings.pollMs,
      parallel: settings.parallel,
      retention: { days: settings.retentionDays, dryRun: settings.retentionDryRun },
      meters,
      ...ports,
      signal: ended.signal,
    });
    snapshotter = running;
    const run = running.run().catch((error: unknown) => {
      logger.error({ err: toError(error) }, 'the snapshotter cannot go on: the process stops');
      process.exit(1);
    });
    const begun = running.begun.then(() => true);
    const tell = async (): Promise<void> => {
      while (!ended.signal.aborted) {
        const hasBegun = await Promise.race([begun, Promise.resolve(false)]);
        health.set('s3', hasBegun || running.trouble() !== undefined ? stateOf(running) : notYet);
        await clock.sleep(healthEveryMs, ended.signal).catch(() => {}); // woken by the end
      }
    };
    const telling = tell();
    context.onStop('loops', async () => {
      ended.abort();
      await Promise.all([run, telling]);
    });
  } else {
    logger.warn(
      {},
      'snapshots are turned off, and so is retention: restores replay all of the archive',
    );
  }

  return {
    routes: () => {},
    ...(snapshotter && { ready: snapshotter.begun }),
    facts: () => ({
      snapshot_enabled: enabled,
      last_snapshot: lastSnapshot(meters.lastSuccessMs()),
      snapshot_age_hours: oldestMs(tenants(), clock.now()) / hourMs,
      tenants: tenants().length,
      standing_still: tenants()
        .filter(standsStill)
        .slice(0, namesMax)
        .map(({ tenantId, fault }) => ({ tenantId, code: fault?.code, during: fault?.during })),
    }),
  };
}

const notYet = { kind: 'degraded', reason: 'the object store has not answered yet' } as const;

/** Never unhealthy: to send no calls here would mend nothing. */
function stateOf(snapshotter: Snapshotter): ComponentState {
  const trouble = snapshotter.trouble();
  if (trouble !== undefined) return { kind: 'degraded', reason: trouble };
  const stopped = snapshotter.tenants().filter(standsStill).length;
  if (stopped > 0)
    return { kind: 'degraded', reason: `${stopped} tenants get no snapshot: see standing_still` };
  const passing = snapshotter.tenants().find(({ fault }) => fault !== undefined)?.fault;
  if (passing) return { kind: 'degraded', reason: `${passing.during}: ${passing.message}` };
  return { kind: 'healthy' };
}

const lastSnapshot = (timeMs: number): string | null =>
  timeMs === 0 ? null : new Date(timeMs).toISOString();
