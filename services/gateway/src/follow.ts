import {
  backoffMs,
  InvariantError,
  isEntError,
  toError,
  type Clock,
  type Logger,
  type Rng,
} from '@entdb/base';
import type { LogRecord, Wal } from '@entdb/wal';

export interface FollowOptions {
  readonly wal: Wal;
  readonly topic: string;
  readonly partition: number;
  /** Where to begin; asked again when the log no longer has what must come next. */
  readonly from: () => Promise<number>;
  readonly onRecord: (record: LogRecord) => void;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

export interface Following {
  /** Resolves when reading has begun for the first time; rejects if it ends before. */
  readonly started: Promise<void>;
  /** Resolves after the signal; rejects for a fault of the program only. */
  readonly ended: Promise<void>;
}

/**
 * Reads news: topics whose records are of use only when they are fresh, and whose truth lies elsewhere. So a gap is no loss: after it, reading
 * begins anew. It goes on through every fault until the signal.
 */
export function follow(options: FollowOptions): Following {
  const { wal, topic, partition, signal, clock, rng, logger } = options;
  const started = Promise.withResolvers<void>();
  let next: number | undefined;
  let failures = 0;

  const read = async () => {
    next ??= await options.from();
    await wal.consume({
      topic,
      from: new Map([[partition, next]]),
      signal,
      onStarted: () => {
        failures = 0;
        started.resolve();
      },
      onBatch: async ({ records }) => {
        for (const record of records) {
          options.onRecord(record);
          next = record.offset + 1;
        }
      },
    });
  };

  const readOn = async () => {
    while (!signal.aborted) {
      try {
        await read();
      } catch (error) {
        if (error instanceof InvariantError) throw error;
        if (signal.aborted) return;
        logger.warn(
          { err: toError(error), topic, partition },
          'following a topic failed; it begins anew',
        );
        if (isEntError(error) && error.status === 'data_loss') next = undefined;
        failures += 1;
        await clock
          .sleep(backoffMs(failures, { initialMs: 50, maxMs: 2_000, rng }), signal)
          .catch(() => {}); // the loop ends by the signal
      }
    }
  };

  const ended = readOn();
  ended.then(() => started.reject(signal.reason), started.reject);
  return { started: started.promise, ended };
}
