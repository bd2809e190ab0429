/** How long a service that ended by itself waits before it is started again. */
export interface RestartPause {
  /** After a life of so many milliseconds. */
  after(livedMs: number): number;
}

const initialMs = 200;
const maxMs = 5_000;
/** Whoever lived this long had no trouble with its start. */
const healthyMs = 10_000;

/** Doubles with each life that was short; a long one begins anew. */
export function createRestartPause(): RestartPause {
  let nextMs = initialMs;
  return {
    after(livedMs) {
      if (livedMs >= healthyMs) nextMs = initialMs;
      const pauseMs = nextMs;
      nextMs = Math.min(maxMs, nextMs * 2);
      return pauseMs;
    },
  };
}
