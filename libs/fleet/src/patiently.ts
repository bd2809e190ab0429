import { backoffMs, isEntError, type Clock, type Logger, type Rng } from '@entdb/base';

export interface Patience {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly signal: AbortSignal;
}

/** Tries until it succeeds or fails for good: what may pass by itself is waited out, however long. Rejects with the signal's reason. */
export async function patiently<T>(
  attempt: string,
  work: () => Promise<T>,
  { logger, clock, rng, signal }: Patience,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!isEntError(error) || !error.retriable) throw error;
      logger.warn({ err: error, code: error.code, tries }, `${attempt}: trying again`);
    }
    await clock.sleep(backoffMs(tries, { initialMs: 100, maxMs: 2_000, rng }), signal);
  }
}
