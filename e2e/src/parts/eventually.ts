import { setTimeout as delay } from 'node:timers/promises';

const pauseMs = 100;

/** Asks until the answer is there. What an attempt throws counts as no answer, and is told in the end. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  {
    timeoutMs = 120_000,
    signal,
  }: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
): Promise<T> {
  const until = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > until)
      throw new Error(
        `${what}: not within ${timeoutMs} ms`,
        last === undefined ? {} : { cause: last },
      );
    await delay(pauseMs);
  }
}
