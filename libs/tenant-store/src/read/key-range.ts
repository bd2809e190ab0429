/** The keys from `from` (with it) up to `to` (without it), in the order of their bytes. */
export interface KeyRange {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** The smallest key that is greater than this one. */
export function keyAfter(key: Uint8Array): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}

/** The smallest key that is greater than all keys which begin with these bytes (their first is a kind byte, never 0xff). */
export function keyAfterPrefix(prefix: Uint8Array): Buffer {
  let end = prefix.length;
  while (prefix[end - 1] === 0xff) end--;
  const after = Buffer.from(prefix.subarray(0, end));
  after[end - 1] = (prefix[end - 1] ?? 0) + 1;
  return after;
}

export function pointOf(key: Buffer): KeyRange {
  return { from: key, to: keyAfter(key) };
}

export function isPoint(range: KeyRange): boolean {
  return range.to.equals(keyAfter(range.from));
}

/** Sorted and without overlap: each key is in at most one of the ranges. */
export function unionOf(ranges: readonly KeyRange[]): readonly KeyRange[] {
  const union: KeyRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.from.compare(b.from))) {
    if (range.from.compare(range.to) >= 0) continue; // empty: nothing is in it
    const last = union.at(-1);
    if (!last || last.to.compare(range.from) < 0) union.push(range);
    else if (last.to.compare(range.to) < 0)
      union[union.length - 1] = { from: last.from, to: range.to };
  }
  return union;
}

export function intersectionOf(
  a: readonly KeyRange[],
  b: readonly KeyRange[],
): readonly KeyRange[] {
  const overlaps = a.flatMap((left) =>
    b.map((right) => ({
      from: left.from.compare(right.from) > 0 ? left.from : right.from,
      to: left.to.compare(right.to) < 0 ? left.to : right.to,
    })),
  );
  return unionOf(overlaps);
}
