import type { Clock } from '@entdb/base';
import type {
  ApplierStatus,
  ArchiverStatus,
  SnapshotterStatus,
  StatusRecord,
} from '@entdb/contracts';

/** An instance as it last spoke of itself. */
export interface Instance<Status> {
  readonly instance: string;
  readonly status: Status;
  readonly lastSeenMs: number;
}

export type Applier = Instance<ApplierStatus>;
export type Archiver = Instance<ArchiverStatus>;
export type Snapshotter = Instance<SnapshotterStatus>;

/**
 * What the fleet says of itself on entdb-status: who answers for which shard, and how far it is. An instance that has been silent for too long is forgotten;
 * whoever reads the map checks nothing else, because positions make reads safe, not this map.
 */
export interface FleetMap {
  hear(record: StatusRecord): void;
  /** Those heard of lately, by shard and instance. */
  appliers(): readonly Applier[];
  /** Those heard of lately, by their part of the partitions and instance. */
  archivers(): readonly Archiver[];
  /** Those heard of lately, by instance. */
  snapshotters(): readonly Snapshotter[];
  /** Kinds of services that were at work and fell silent without a word, all of them: not the same as turned off. */
  silent(): readonly ('archiver' | 'snapshotter')[];
  /** The number of shards that the fleet speaks of; 1 before anybody has spoken. */
  shards(): number;
}

export interface FleetMapOptions {
  readonly clock: Clock;
  /** Milliseconds of silence after which an instance counts as gone. */
  readonly silenceMaxMs: number;
}

export function createFleetMap({ clock, silenceMaxMs }: FleetMapOptions): FleetMap {
  const appliers = createRoll<ApplierStatus>((status) => status.shard, clock, silenceMaxMs);
  const archivers = createRoll<ArchiverStatus>((status) => status.index, clock, silenceMaxMs);
  const snapshotters = createRoll<SnapshotterStatus>(() => 0, clock, silenceMaxMs);
  return {
    hear(record) {
      if (record.status.case === 'applier') appliers.hear(record, record.status.value);
      if (record.status.case === 'archiver') archivers.hear(record, record.status.value);
      if (record.status.case === 'snapshotter') snapshotters.hear(record, record.status.value);
    },
    appliers: () => appliers.present(),
    archivers: () => archivers.present(),
    snapshotters: () => snapshotters.present(),
    silent: () => [
      ...(fellSilent(archivers) ? (['archiver'] as const) : []),
      ...(fellSilent(snapshotters) ? (['snapshotter'] as const) : []),
    ],
    shards: () => Math.max(1, ...appliers.present().map(({ status }) => status.shards)),
  };
}

function fellSilent(roll: Roll<{ readonly enabled: boolean }>): boolean {
  return roll.present().length === 0 && roll.last()?.enabled === true;
}

type Roll<Status> = Pick<ReturnType<typeof createRoll<Status>>, 'present' | 'last'>;

/** The instances of one kind of service. */
function createRoll<Status>(place: (status: Status) => number, clock: Clock, silenceMaxMs: number) {
  const heard = new Map<string, Instance<Status> & { readonly heardAt: number }>();
  let last: Status | undefined;
  return {
    /** What anybody said last, however long ago. */
    last: (): Status | undefined => last,
    hear(record: StatusRecord, status: Status): void {
      last = status;
      heard.set(record.instance, {
        instance: record.instance,
        status,
        lastSeenMs: Number(record.atUs / 1000n),
        heardAt: clock.monotonic(),
      });
    },
    present(): readonly Instance<Status>[] {
      const oldest = clock.monotonic() - silenceMaxMs;
      for (const [instance, { heardAt }] of heard) if (heardAt < oldest) heard.delete(instance);
      return [...heard.values()].sort(
        (a, b) => place(a.status) - place(b.status) || (a.instance < b.instance ? -1 : 1),
      );
    },
  };
}
