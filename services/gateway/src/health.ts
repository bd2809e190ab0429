import { toError, type Clock } from '@entdb/base';
import type { ComponentState, Health } from '@entdb/service-kit';
import type { Wal } from '@entdb/wal';
import type { Applier, Archiver, Snapshotter } from '@entdb/fleet';

/** What the fleet looks like from here. */
export interface FleetView {
  readonly partitions: number;
  readonly shards: number;
  readonly appliers: readonly Applier[];
  readonly archivers: readonly Archiver[];
  readonly snapshotters: readonly Snapshotter[];
  /** Kinds of services that were at work and are not heard of any more. */
  readonly silent: readonly ('archiver' | 'snapshotter')[];
  /** How long the log keeps a record. */
  readonly walRetentionMs: number;
  readonly nowMs: number;
}

/** From this share of the log's retention on somebody must be told: a record that is older than the retention is lost to the archive. */
const ageRatioMax = 0.5;
/** A record may be so old before it is in a snapshot; the limit of the alert on snapshot_age_hours. */
const snapshotAgeMaxMs = 24 * 3_600_000;
const hourMs = 3_600_000;

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
 * Pure: what archivers and snapshotters say of S3. Writes and reads go on without it, so it is never more than degraded: by what the archive lacks first, since that can be
 * lost, then by what makes restores slow. A fleet may run without either, and then the text says so.
 */
export function s3State(view: FleetView): ComponentState {
  const [archive, snapshots] = [archiveState(view), snapshotState(view)];
  if (archive !== 'disabled' && archive.kind !== 'healthy') return archive;
  if (snapshots !== 'disabled' && snapshots.kind !== 'healthy') return snapshots;
  if (archive !== 'disabled')
    return snapshots === 'disabled' && view.snapshotters.length > 0
      ? { kind: 'healthy', text: 'ok, snapshots disabled' }
      : archive;
  return { kind: 'healthy', text: snapshots === 'disabled' ? 'disabled' : 'archive disabled' };
}

function archiveState(view: FleetView): ComponentState | 'disabled' {
  const { partitions, archivers, silent, walRetentionMs } = view;
  if (silent.includes('archiver')) return degraded('the archiver is not heard of any more');
  const active = archivers.map(({ status }) => status).filter(({ enabled }) => enabled);
  if (active.length === 0) return 'disabled';
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
  const oldest = progress.reduce((age, one) => Math.max(age, Number(one.oldestUnarchivedAgeMs)), 0);
  const ratio = oldest / walRetentionMs;
  if (ratio > ageRatioMax)
    return degraded(
      `a record that is not archived has been on the log for ${Math.floor(ratio * 100)} % of its retention`,
    );
  return { kind: 'healthy' };
}

function snapshotState({ snapshotters, silent, nowMs }: FleetView): ComponentState | 'disabled' {
  if (silent.includes('snapshotter')) return degraded('the snapshotter is not heard of any more');
  const active = snapshotters.map(({ status }) => status).filter(({ enabled }) => enabled);
  if (active.length === 0) return 'disabled';
  const trouble = active.find((status) => status.trouble !== '')?.trouble;
  if (trouble !== undefined) return degraded(`snapshots: ${trouble}`);
  const stopped = Math.max(...active.map((status) => Number(status.stoppedTenants)));
  if (stopped > 0) {
    const codes = new Set(active.flatMap((status) => status.stopped.map(({ code }) => code)));
    return degraded(`${stopped} tenants get no snapshot: ${[...codes].toSorted().join(', ')}`);
  }
  const since = active.map((status) => Number(status.oldestWaitingUs) / 1000).filter(Boolean);
  const ageMs = nowMs - Math.min(nowMs, ...since);
  if (ageMs > snapshotAgeMaxMs)
    return degraded(
      `an archived record has been in no snapshot for ${Math.floor(ageMs / hourMs)} hours`,
    );
  return { kind: 'healthy' };
}

/** Pure: when a snapshot was last sealed, by whomever; null where none is known of. */
export function lastSnapshot({ snapshotters }: Pick<FleetView, 'snapshotters'>): string | null {
  const lastUs = snapshotters.map(({ status }) => Number(status.lastSuccessUs));
  const lastMs = Math.max(0, ...lastUs) / 1000;
  return lastMs === 0 ? null : new Date(lastMs).toISOString();
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
