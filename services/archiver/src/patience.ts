import { backoffMs, EntError, type Clock, type Logger, type Rng } from '@entdb/base';
import { isVerdict } from './verdicts.ts';

/**
 * Work with the object store and the log that is tried until it succeeds, for ever: an archiver that gave up would lose what the log forgets
 * meanwhile. Only a verdict on a tenant (`verdicts.ts`) ends it, and only when it was reached several times: bytes can be damaged on their way.
 */
export interface Patience {
  /** Rejects with a verdict, with a fault of the program, or with the signal's reason. `work` must be safe to repeat. */
  keepTrying<T>(what: string, work: () => Promise<T>): Promise<T>;
  /** Why something does not succeed at present. */
  trouble(): string | undefined;
}

export interface PatienceOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly onFailure?: () => void;
}

const backoff = { initialMs: 100, maxMs: 15_000 };
const verdictsMin = 3;

export function createPatience(options: PatienceOptions): Patience {
  const { clock, rng, logger, signal, onFailure } = options;
  const failing = new Map<symbol, string>();

  const keepTrying = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const self = Symbol(what);
    try {
      for (let attempt = 0, verdicts = 0; ; attempt += 1) {
        try {
          signal.throwIfAborted();
          return await work();
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof EntError)) throw error;
          verdicts = isVerdict(error) ? verdicts + 1 : 0;
          if (verdicts >= verdictsMin) throw error;
          failing.set(self, `${what}: ${error.message}`);
          onFailure?.();
          logger.warn({ what, attempt, code: error.code, err: error }, 'failed; trying again');
          await clock.sleep(backoffMs(attempt, { ...backoff, rng }), signal);
        }
      }
    } finally {
      failing.delete(self);
    }
  };

  return { keepTrying, trouble: () => failing.values().next().value };
}
