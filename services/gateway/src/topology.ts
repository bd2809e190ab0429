import type { Clock, Logger, Rng } from '@entdb/base';
import { createFleetMap, hearStatus, type FleetMap } from '@entdb/fleet';
import { statusTopic, type Wal } from '@entdb/wal';
import { follow, type Following } from './follow.ts';

/** The fleet, by what its instances say of themselves every second on entdb-status. */
export interface Topology {
  readonly fleet: Pick<FleetMap, 'appliers' | 'archivers' | 'snapshotters' | 'silent' | 'shards'>;
  follow(): Following;
  close(): void;
}

export interface TopologyOptions {
  readonly wal: Wal;
  readonly silenceMsMax: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

const statusPartition = 0;

export function createTopology(options: TopologyOptions): Topology {
  const { wal, silenceMsMax, clock, logger } = options;
  const stop = new AbortController();
  const fleet = createFleetMap({ clock, silenceMaxMs: silenceMsMax });

  return {
    fleet,
    follow: () =>
      follow({
        ...options,
        topic: statusTopic,
        partition: statusPartition,
        // What was said just before the start is still news.
        from: () => wal.offsetForTime(statusTopic, statusPartition, clock.now() - silenceMsMax),
        onRecord: (record) => hearStatus(fleet, record, logger),
        signal: stop.signal,
      }),
    close: () => stop.abort(),
  };
}
