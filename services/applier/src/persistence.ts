import {
  backoffMs,
  isEntError,
  type Clock,
  type EntError,
  type Logger,
  type Rng,
} from '@entdb/base';

/** Writing to a disk that may refuse for a while: it is asked again until it takes what it is given, and nothing is passed over. */
export interface Persistence {
  /** Rejects with the signal's reason, and at once for anything but STORE_UNAVAILABLE. */
  readonly persist: <T>(step: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  /** What the disk said last to those who are still asking. */
  readonly refusal: () => EntError | undefined;
}

export function createPersistence(options: {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly rng: Rng;
}): Persistence {
  const { logger, clock, rng } = options;
  const asking = new Map<symbol, EntError>();
  return {
    persist: async (step, signal) => {
      const who = Symbol();
      try {
        for (let attempt = 0; ; attempt++) {
          try {
            return await step();
          } catch (error) {
            if (!isEntError(error, 'STORE_UNAVAILABLE')) throw error;
            asking.set(who, error);
            logger.error({ attempt, err: error }, 'the disk refuses; trying again');
          }
          await clock.sleep(backoffMs(attempt, { initialMs: 200, maxMs: 10_000, rng }), signal);
        }
      } finally {
        asking.delete(who);
      }
    },
    refusal: () => [...asking.values()].at(-1),
  };
}
