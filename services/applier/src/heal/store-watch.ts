import { toError, type Clock, type Logger } from '@entdb/base';
import type { ComponentState } from '@entdb/service-kit';
import type { StoreAtHand } from './store-at-hand.ts';

/** Looks from time to time whether the object store can be read: better found out before it is needed. */
export interface StoreWatch {
  state(): ComponentState;
  run(signal: AbortSignal): Promise<void>;
}

const everyMs = 30_000;

export function createStoreWatch(options: {
  readonly store: Pick<StoreAtHand, 'missing'>;
  readonly clock: Clock;
  readonly logger: Logger;
}): StoreWatch {
  const { store, clock, logger } = options;
  let state: ComponentState = { kind: 'healthy', text: 'not asked yet' };
  const look = async (signal: AbortSignal): Promise<ComponentState> => {
    try {
      const missing = await store.missing(signal);
      return missing === undefined ? { kind: 'healthy' } : { kind: 'healthy', text: missing };
    } catch (error) {
      if (!signal.aborted)
        logger.warn(
          { err: toError(error) },
          'the object store cannot be read; nothing needs it now',
        );
      return { kind: 'degraded', reason: toError(error).message };
    }
  };
  return {
    state: () => state,
    async run(signal) {
      while (!signal.aborted) {
        state = await look(signal);
        await clock.sleep(everyMs, signal).catch(() => undefined); // woken by the end
      }
    },
  };
}
