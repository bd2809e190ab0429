/**
 * Pure: offsets of a partition that were gone from the log before they were read. A tenant's archive may go on over a hole only when it is known to
 * reach to its end; whether the tenant had records in it nobody can say.
 */
export interface Hole {
  readonly from: number;
  /** The first offset that is there again. */
  readonly to: number;
}

/** What must be read next, and what is missing before it. */
export interface Beginning {
  readonly offset: number;
  readonly hole: Hole | undefined;
}

/** Where reading begins: at the mark, or at the first record there ever was; else behind a hole. */
export function beginAt(mark: number | undefined, startOffset: number): Beginning {
  const wanted = mark ?? 0;
  if (wanted >= startOffset) return { offset: wanted, hole: undefined };
  return { offset: startOffset, hole: { from: wanted, to: startOffset } };
}

/** Two holes of a partition count as one: behind the later one nothing can be continued that could not before. */
export function widen(hole: Hole | undefined, more: Hole): Hole {
  return hole ? { from: Math.min(hole.from, more.from), to: Math.max(hole.to, more.to) } : more;
}

/** Whether a tenant whose record before `offset` stands at `previousOffset` (-1: it has none) may have records in the hole. */
export function isBroken(hole: Hole | undefined, previousOffset: number, offset: number): boolean {
  return hole !== undefined && previousOffset + 1 < hole.to && offset >= hole.to;
}
