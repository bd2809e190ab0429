import type { ComponentState } from '@entdb/service-kit';
import type { Applier } from '@entdb/fleet';

/** What the fleet looks like from here. */
export interface FleetView {
  readonly partitions: number;
  readonly shards: number;
  readonly appliers: readonly Applier[];
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
