import type { Flavored } from './flavor.ts';

/**
 * A moment as microseconds since 1970-01-01T00:00:00Z. A bigint, because a Date loses the microseconds that the log gives: it
 * compares with `<`, and two of them can be subtracted.
 */
export type Timestamp = Flavored<bigint, 'Timestamp'>;

/** The Date's moment; it has whole milliseconds. */
export function timestampOf(date: Date): Timestamp {
  return BigInt(date.getTime()) * 1000n;
}

/** The Date at or just before the moment: what is below a millisecond is cut off. */
export function dateOf(timestamp: Timestamp): Date {
  const below = ((timestamp % 1000n) + 1000n) % 1000n;
  return new Date(Number((timestamp - below) / 1000n));
}
