/** Does a thing for each item, so many at a time. `body` handles its own failures. */
export async function forEachBounded<T>(
  items: Iterable<T>,
  inFlightMax: number,
  body: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); !next.done; next = rest.next()) await body(next.value);
  };
  await Promise.all(Array.from({ length: inFlightMax }, worker));
}
