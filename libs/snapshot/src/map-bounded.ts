/** Results in the order of the items, so many of them under way at once. The first failure ends it; what is under way is waited for. */
export async function mapBounded<T, R>(
  items: readonly T[],
  inFlightMax: number,
  body: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const entries = items.entries();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of entries) {
      if (failed) return;
      try {
        results[index] = await body(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(inFlightMax, items.length) }, worker);
  const ends = await Promise.allSettled(workers);
  const failure = ends.find((end) => end.status === 'rejected');
  if (failure) throw failure.reason;
  return results;
}

/**
 * Results in the order of the items, begun ahead of the one that is asked for. Whoever stops early waits for what is under way, and nothing is left
 * behind unhandled.
 */
export async function* readAhead<T, R>(
  items: readonly T[],
  ahead: { readonly items: number; readonly cost: (item: T) => number; readonly costMax: number },
  body: (item: T) => Promise<R>,
): AsyncGenerator<R, void> {
  const underWay: { readonly cost: number; readonly result: Promise<R> }[] = [];
  let cost = 0;
  let next = 0;
  const begin = (): void => {
    while (next < items.length && underWay.length < ahead.items) {
      const item = items[next]!;
      const own = ahead.cost(item);
      if (underWay.length > 0 && cost + own > ahead.costMax) return;
      const result = body(item);
      result.catch(() => undefined); // it is awaited below, in its turn
      underWay.push({ cost: own, result });
      cost += own;
      next += 1;
    }
  };
  try {
    for (begin(); underWay.length > 0; begin()) {
      const first = underWay.shift()!;
      cost -= first.cost;
      const result = await first.result;
      begin();
      yield result;
    }
  } finally {
    await Promise.allSettled(underWay.map(({ result }) => result));
  }
}

/** The same items; the next one is asked for while one is in use. Whoever stops early waits for what is under way. */
export async function* oneAhead<T>(items: AsyncIterable<T>): AsyncGenerator<T, void> {
  const iterator = items[Symbol.asyncIterator]();
  const ask = (): Promise<IteratorResult<T, unknown>> => {
    const asked = iterator.next();
    asked.catch(() => undefined); // it is awaited below, in its turn
    return asked;
  };
  let asked = ask();
  try {
    for (;;) {
      const item = await asked;
      if (item.done === true) return;
      asked = ask();
      yield item.value;
    }
  } finally {
    await asked.catch(() => undefined);
    await iterator.return?.();
  }
}
