import { backoffMs, isEntError, type Clock, type Logger, type Rng } from '@entdb/base';
import type { AppendRecord, Lane, Wal } from '@entdb/wal';

/**
 * Writes what this applier says to the fleet (verdicts, status). Telling is repeated until the log has it or the queue is full: a verdict that
 * gets lost costs its caller a retry with the same key, never a wrong answer, so a full queue drops and says so.
 */
export interface Publisher {
  publish(topic: string, partition: number, record: AppendRecord): void;
  /** Waits for what is queued, up to the signal. */
  close(): Promise<void>;
}

export interface PublisherOptions {
  readonly wal: Wal;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly queueRecordsMax: number;
  readonly signal: AbortSignal;
}

export function createPublisher(options: PublisherOptions): Publisher {
  const outlets = new Map<string, Outlet>();
  return {
    publish(topic, partition, record) {
      const name = `${topic}/${partition}`;
      let outlet = outlets.get(name);
      if (!outlet) outlets.set(name, (outlet = createOutlet(topic, partition, options)));
      outlet.push(record);
    },
    close: async () => {
      await Promise.all([...outlets.values()].map((outlet) => outlet.close()));
    },
  };
}

interface Outlet {
  push(record: AppendRecord): void;
  close(): Promise<void>;
}

/** One partition's queue: everything that waits goes out as one append, one append at a time. */
function createOutlet(topic: string, partition: number, options: PublisherOptions): Outlet {
  const { wal, logger, clock, rng, queueRecordsMax, signal } = options;
  const waiting: AppendRecord[] = [];
  let lane: Lane | undefined;
  let pump: Promise<void> | undefined;

  const send = async (records: readonly AppendRecord[]): Promise<void> => {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        lane ??= await wal.openLane(topic, partition);
        await lane.append(records);
        return;
      } catch (error) {
        logger.warn(
          { topic, partition, attempt, err: error },
          'cannot tell the fleet; trying again',
        );
        const failed = lane;
        lane = undefined;
        await failed?.close();
        await clock
          .sleep(backoffMs(attempt, { initialMs: 50, maxMs: 2_000, rng }), signal)
          .catch((reason: unknown) => {
            if (!signal.aborted) throw reason;
          });
      }
    }
  };

  const run = async () => {
    while (waiting.length > 0 && !signal.aborted) {
      const records = waiting.splice(0, 1_000);
      await send(records);
    }
    pump = undefined;
  };

  return {
    push(record) {
      if (waiting.length >= queueRecordsMax) {
        logger.warn(
          { topic, partition, queueRecordsMax },
          'the queue to the fleet is full: a record is dropped',
        );
        return;
      }
      waiting.push(record);
      pump ??= run().catch((error: unknown) => {
        pump = undefined;
        if (!isEntError(error, 'SHUTTING_DOWN'))
          logger.error({ topic, partition, err: error }, 'telling the fleet failed');
      });
    },
    async close() {
      await pump;
      await lane?.close();
    },
  };
}
