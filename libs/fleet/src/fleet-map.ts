import type { Clock } from '@entdb/base';
import type { ApplierStatus, StatusRecord } from '@entdb/contracts';

/** An applier as it last spoke of itself. */
export interface Applier {
  readonly instance: string;
  readonly status: ApplierStatus;
  readonly lastSeenMs: number;
}

/**
 * What the fleet says of itself on entdb-status: who answers for which shard, and how far it is. An instance that has been silent for too long is forgotten;
 * whoever reads the map checks nothing else, because positions make reads safe, not this map.
 */
export interface FleetMap {
  hear(record: StatusRecord): void;
  /** Those heard of lately, by shard and instance. */
  appliers(): readonly Applier[];
  /** The number of shards that the fleet speaks of; 1 before anybody has spoken. */
  shards(): number;
}

export interface FleetMapOptions {
  readonly clock: Clock;
  /** Milliseconds of silence after which an instance counts as gone. */
  readonly silenceMaxMs: number;
}

export function createFleetMap({ clock, silenceMaxMs }: FleetMapOptions): FleetMap {
  const heard = new Map<string, Applier & { readonly heardAt: number }>();
  const appliers = (): readonly Applier[] => {
    const oldest = clock.monotonic() - silenceMaxMs;
    for (const [instance, applier] of heard) if (applier.heardAt < oldest) heard.delete(instance);
    return [...heard.values()].sort(
      (a, b) => a.status.shard - b.status.shard || (a.instance < b.instance ? -1 : 1),
    );
  };
  return {
    hear(record) {
      if (record.status.case !== 'applier') return;
      heard.set(record.instance, {
        instance: record.instance,
        status: record.status.value,
        lastSeenMs: Number(record.atUs / 1000n),
        heardAt: clock.monotonic(),
      });
    },
    appliers,
    shards: () => Math.max(1, ...appliers().map((applier) => applier.status.shards)),
  };
}
