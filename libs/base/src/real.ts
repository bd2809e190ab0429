import { randomBytes } from 'node:crypto';
import type { Clock, Rng } from './ports.ts';

/** The machine's clock. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  // By hand: Node's own makes an error with a stack for each sleep that is ended early, and deadlines nearly always are.
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};

/**
 * A timer of the machine, for the edges of a server, which need one a call and nothing to await. Returns the way to stop it.
 */
export function startTimer(ms: number, onTime: () => void): () => void {
  const timer = setTimeout(onTime, ms);
  return () => clearTimeout(timer);
}

/** The machine's randomness. */
export const realRng: Rng = {
  next: () => Math.random(),
  bytes: (count) => randomBytes(count),
};
