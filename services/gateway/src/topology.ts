import { toError, type Clock, type Logger, type Rng } from '@entdb/base';
import { decodeStatusRecord } from '@entdb/contracts';
import { createFleetMap, type FleetMap } from '@entdb/fleet';
import { statusTopic, type LogRecord, type Wal } from '@entdb/wal';
import { follow, type Following } from './follow.ts';

/** The fleet, by what its instances say of themselves every second on entdb-status. */
export interface Topology {
  readonly fleet: Pick<FleetMap, 'appliers' | 'shards'>;
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

  const hear = ({ key, value, offset }: LogRecord) => {
    try {
      fleet.hear(decodeStatusRecord(key, value));
    } catch (error) {
      // It carries no state, and the next word of that instance is a second away.
      logger.error({ err: toError(error), offset }, 'a status record cannot be read');
    }
  };

  return {
    fleet,
    follow: () =>
      follow({
        ...options,
        topic: statusTopic,
        partition: statusPartition,
        // What was said just before the start is still news.
        from: () => wal.offsetForTime(statusTopic, statusPartition, clock.now() - silenceMsMax),
        onRecord: hear,
        signal: stop.signal,
      }),
    close: () => stop.abort(),
  };
}
