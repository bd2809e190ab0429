/**
 * Runs the body for each item, at most `atOnce` at the same time, and gives the results in the order of the items. After an abort no further item is begun: those have
 * undefined.
 */
export async function eachBounded<T, R>(
  items: readonly T[],
  atOnce: number,
  signal: AbortSignal | undefined,
  body: (item: T) => Promise<R>,
): Promise<readonly (R | undefined)[]> {
  const results: (R | undefined)[] = items.map(() => undefined);
  const rest = items.entries();
  const work = async (): Promise<void> => {
    for (const [i, item] of rest) {
      if (signal?.aborted === true) return;
      results[i] = await body(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(Math.max(1, atOnce), items.length) }, work));
  return results;
}
