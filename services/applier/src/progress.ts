import { EntError, isEntError, type Clock } from '@entdb/base';

/**
 * How far each partition has been applied, and who waits for it. Told only after the commit, so whoever is woken reads what he waited for.
 */
export interface Progress {
  /** The next offset to be applied; everything below is committed in both files of every active tenant. */
  nextOffset(partition: number): number;
  /** After a commit. `endOffset` is the log's end as far as known; `timeMs` the log-append time of the last record applied. */
  advance(partition: number, nextOffset: number, endOffset: number, timeMs: number): void;
  /** The log's end was looked up. */
  observeEnd(partition: number, endOffset: number): void;
  /**
   * Resolves when the record at `offset` has been applied: at once if it has. Rejects with POSITION_NOT_REACHED when the signal ends by its
   * deadline, or with the signal's own reason.
   */
  reached(partition: number, offset: number, signal: AbortSignal): Promise<void>;
  /** Whether the partition has met the log's end since this process started. */
  caughtUp(partition: number): boolean;
  lag(partition: number): PartitionLag;
}

export interface PartitionLag {
  readonly nextOffset: number;
  readonly endOffset: number;
  /** Age of the oldest record that is not applied, 0 when there is none. */
  readonly lagMs: number;
}

interface Waiter {
  readonly offset: number;
  readonly wake: () => void;
}

interface PartitionProgress {
  nextOffset: number;
  endOffset: number;
  /** Log-append time of the oldest record not applied, as well as it is known: no earlier than this. */
  behindSinceMs: number;
  caughtUp: boolean;
  readonly waiters: Set<Waiter>;
}

export function createProgress(
  topic: string,
  nextOffsets: ReadonlyMap<number, number>,
  clock: Clock,
): Progress {
  const partitions = new Map<number, PartitionProgress>();
  for (const [partition, nextOffset] of nextOffsets) {
    partitions.set(partition, {
      nextOffset,
      endOffset: nextOffset,
      behindSinceMs: clock.now(),
      caughtUp: false,
      waiters: new Set(),
    });
  }
  const of = (partition: number): PartitionProgress => {
    const progress = partitions.get(partition);
    if (!progress)
      throw new EntError('WRONG_OWNER', `partition ${partition} is not of this applier's shard`);
    return progress;
  };
  return {
    nextOffset: (partition) => of(partition).nextOffset,
    advance(partition, nextOffset, endOffset, timeMs) {
      const progress = of(partition);
      progress.nextOffset = nextOffset;
      progress.endOffset = Math.max(endOffset, nextOffset);
      progress.behindSinceMs = timeMs;
      if (nextOffset >= endOffset) progress.caughtUp = true;
      for (const waiter of progress.waiters) if (waiter.offset < nextOffset) waiter.wake();
    },
    observeEnd(partition, endOffset) {
      const progress = of(partition);
      if (progress.endOffset <= progress.nextOffset && endOffset > progress.nextOffset)
        progress.behindSinceMs = clock.now();
      progress.endOffset = Math.max(endOffset, progress.nextOffset);
      if (progress.nextOffset >= progress.endOffset) progress.caughtUp = true;
    },
    async reached(partition, offset, signal) {
      const progress = of(partition);
      if (offset < progress.nextOffset) return;
      try {
        signal.throwIfAborted();
        await new Promise<void>((resolve, reject) => {
          const done = () => {
            progress.waiters.delete(waiter);
            signal.removeEventListener('abort', onAbort);
          };
          const waiter: Waiter = {
            offset,
            wake: () => {
              done();
              resolve();
            },
          };
          const onAbort = () => {
            done();
            reject(signal.reason as Error); // the kit aborts with an EntError
          };
          progress.waiters.add(waiter);
          signal.addEventListener('abort', onAbort, { once: true });
        });
      } catch (cause) {
        if (!isEntError(cause, 'DEADLINE_EXCEEDED')) throw cause;
        throw new EntError(
          'POSITION_NOT_REACHED',
          `offset ${offset} of partition ${partition} was not applied in time; this applier is at ${progress.nextOffset}`,
          {
            position: { topic, partition, offset },
            retryAfterMs: 100,
            hint: 'retry, allow more time, or read without a position',
            cause,
          },
        );
      }
    },
    caughtUp: (partition) => of(partition).caughtUp,
    lag(partition) {
      const { nextOffset, endOffset, behindSinceMs } = of(partition);
      return {
        nextOffset,
        endOffset,
        lagMs: nextOffset >= endOffset ? 0 : Math.max(0, clock.now() - behindSinceMs),
      };
    },
  };
}
