/** Ports through which the outside world enters: a simulator gives its own. */

export interface Clock {
  /** Milliseconds since 1970. For labels and ages, never for order. */
  now(): number;
  /** Milliseconds of a clock that never steps back. For durations and deadlines. */
  monotonic(): number;
  /** Resolves after so many milliseconds; rejects with the signal's reason when aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Rng {
  /** Uniform in [0, 1). */
  next(): number;
  bytes(count: number): Uint8Array;
}

/** What a library may log to. Fixed message, facts in fields. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Logger;
}

export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};
