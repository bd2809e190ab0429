import type { Rng } from './ports.ts';

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly rng: Rng;
}

/**
 * Waiting time before try number `attempt` (0 for the first retry): exponential, half of it random, so that clients that failed
 * together do not come back together, and none comes back at once.
 */
export function backoffMs(attempt: number, options: BackoffOptions): number {
  const ceiling = Math.min(options.maxMs, options.initialMs * 2 ** Math.min(attempt, 30));
  return Math.round(ceiling * (0.5 + options.rng.next() / 2));
}
