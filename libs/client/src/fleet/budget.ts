/**
 * The time that one call of the program may take, all its tries and waits together. Its signal is what every wait below
 * listens to, and its reason is the EntError that the program gets.
 */
import { EntError, type Clock } from '@entdb/base';

export interface CallOptions {
  /** For the whole call, retries included. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface Budget extends Disposable {
  /** Aborted with DEADLINE_EXCEEDED or CANCELED. */
  readonly signal: AbortSignal;
  remainingMs(): number;
}

/** Longest possible timer of JavaScript engines. */
const timeoutMsMax = 2 ** 31 - 1;

/** One for all: nobody reads why a timer ended that was not needed, and an error of its own for each would be dear. */
const inTime = new Error('in time');

/** Throws INVALID_DEADLINE; CANCELED where the signal is aborted already. */
export function startBudget(clock: Clock, timeoutMs: number, caller?: AbortSignal): Budget {
  if (!(timeoutMs > 0 && timeoutMs <= timeoutMsMax)) {
    throw new EntError('INVALID_DEADLINE', `timeoutMs is ${timeoutMs}`, {
      field: 'timeoutMs',
      hint: `give milliseconds between 1 and ${timeoutMsMax}`,
    });
  }
  if (caller?.aborted) throw canceled(caller);
  const controller = new AbortController();
  const done = new AbortController();
  const deadline = clock.monotonic() + timeoutMs;
  const onAbort = (): void => {
    if (caller) controller.abort(canceled(caller));
  };
  caller?.addEventListener('abort', onAbort, { once: true });
  clock.sleep(timeoutMs, done.signal).then(
    () => controller.abort(new EntError('DEADLINE_EXCEEDED', `no answer within ${timeoutMs} ms`)),
    () => {}, // disposed in time: the usual end of this timer
  );
  return {
    signal: controller.signal,
    remainingMs: () => Math.max(0, deadline - clock.monotonic()),
    [Symbol.dispose]: () => {
      caller?.removeEventListener('abort', onAbort);
      done.abort(inTime);
    },
  };
}

function canceled(signal: AbortSignal): EntError {
  return new EntError('CANCELED', 'the call was canceled by its signal', { cause: signal.reason });
}

/** The promise, or the signal's reason if it comes first. What the promise does afterwards is nobody's business. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as EntError); // a budget's signal has no other reason
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** What one try of a call may take. */
export interface Attempt {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

export function attemptWithin(budget: Budget, timeoutMsMax: number): Attempt {
  // Rounded up: a try that is cut off just before the budget ends would be one that nobody asked for.
  return {
    signal: budget.signal,
    timeoutMs: Math.ceil(Math.min(timeoutMsMax, budget.remainingMs())),
  };
}
