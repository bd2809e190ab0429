import { toError, type Clock } from '@entdb/base';
import type { ComponentState, Health } from '@entdb/service-kit';
import type { Wal } from '@entdb/wal';
import type { Applier, Archiver } from '@entdb/fleet';

/** What the fleet looks like from here. */
export interface FleetView {
  readonly partitions: number;
  readonly shards: number;
  readonly appliers: readonly Applier[];
  readonly archivers: readonly Archiver[];
}

/** Pure. A fleet without readers takes writes all the same, and so its files are never more than degraded here. */
export function sqliteState({ shards, appliers }: FleetView): ComponentState {
  if (appliers.length === 0) return degraded('no applier was heard of lately');
  const served = new Set(appliers.map(({ status }) => status.shard));
  const missing = Array.from({ length: shards }, (_, shard) => shard).filter(
    (shard) => !served.has(shard),
  );
  if (missing.length > 0)
    return degraded(`no applier of shard ${missing.join(', ')} was heard of lately`);
  const quarantined = new Set(appliers.flatMap(({ status }) => status.quarantinedTenantIds));
  if (quarantined.size > 0) return degraded(`${quarantined.size} tenants are quarantined`);
  return { kind: 'healthy' };
}

/**
 * Pure: what the archivers say of S3. Writes and reads go on without it, so it is never more than degraded. `disabled` where the archive is turned off, or where
 * there is no archiver at all: a small fleet runs without.
 */
export function s3State({ partitions, archivers }: FleetView): ComponentState {
  const active = archivers.map(({ status }) => status).filter(({ enabled }) => enabled);
  if (active.length === 0) return { kind: 'healthy', text: 'disabled' };
  const trouble = active.find((status) => status.trouble !== '')?.trouble;
  if (trouble !== undefined) return degraded(trouble);
  const progress = active.flatMap((status) => status.progress);
  const archived = new Set(progress.map(({ partition }) => partition));
  if (archived.size < partitions)
    return degraded(`nobody archives ${partitions - archived.size} of ${partitions} partitions`);
  const unwell = progress.find((partition) => partition.trouble !== '');
  if (unwell) return degraded(`partition ${unwell.partition}: ${unwell.trouble}`);
  const stopped = active.reduce((sum, status) => sum + Number(status.stoppedTenants), 0);
  if (stopped > 0) return degraded(`the archive of ${stopped} tenants stands still`);
  return { kind: 'healthy' };
}

function degraded(reason: string): ComponentState {
  return { kind: 'degraded', reason };
}

/**
 * Pure: the lag of the partition that is furthest behind, each by its best replica; null while a partition's is not known.
 */
export function applierLagMs({ partitions, appliers }: FleetView): number | null {
  const best = new Map<number, number>();
  for (const { status } of appliers) {
    for (const { partition, lagMs } of status.progress) {
      best.set(partition, Math.min(lagMs, best.get(partition) ?? Infinity));
    }
  }
  return best.size < partitions ? null : Math.max(...best.values());
}

export interface WatchHealthOptions {
  readonly wal: Pick<Wal, 'ping'>;
  readonly health: Health;
  readonly fleet: () => FleetView;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const lookEveryMs = 1_000;

/** Looks at the log and the fleet once a second, until the signal. Without the log nothing can be written, so calls should not come here. */
export async function watchHealth({
  wal,
  health,
  fleet,
  clock,
  signal,
}: WatchHealthOptions): Promise<void> {
  while (!signal.aborted) {
    health.set('wal', await walState(wal));
    health.set('sqlite', sqliteState(fleet()));
    health.set('s3', s3State(fleet()));
    await clock.sleep(lookEveryMs, signal).catch(() => {}); // an abort ends the loop
  }
}

async function walState(wal: Pick<Wal, 'ping'>): Promise<ComponentState> {
  try {
    await wal.ping();
    return { kind: 'healthy' };
  } catch (error) {
    return { kind: 'unhealthy', reason: toError(error).message };
  }
}
