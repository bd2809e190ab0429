import type { Clock } from '@entdb/base';

/** Whether the work, which must not reject, is done after `ms` at the latest. */
export async function settlesWithin(
  clock: Clock,
  ms: number,
  work: Promise<void>,
): Promise<boolean> {
  const timer = new AbortController();
  const late = clock.sleep(ms, timer.signal).then(
    () => false,
    () => true, // aborted below: the work was first
  );
  const done = await Promise.race([work.then(() => true), late]);
  timer.abort();
  return done;
}

/** Settles as `work` does; rejects after `ms` if it has not. The work itself goes on, so the caller ends it. */
export async function within<T>(
  clock: Clock,
  ms: number,
  what: string,
  work: Promise<T>,
): Promise<T> {
  const timer = new AbortController();
  const late = clock.sleep(ms, timer.signal).then(() => {
    throw new Error(`${what} took longer than ${ms} ms`);
  });
  late.catch(() => {}); // it loses the race: either aborted below, or nobody waits any more
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}
