import type { RangeTarget, SegmentChecksum, SnapshotManifest } from '@entdb/archive-format';
import { assertNever } from '@entdb/base';

/** A record's place in its tenant's history. */
export interface Point {
  /** Dense from 1 for each tenant; 0 before the first. */
  readonly sequence: number;
  /** In the tenant's partition; -1 before the first. */
  readonly offset: number;
  /** The running maximum of the tenant's log times up to here: raw log times may step back, this one never does. */
  readonly timeMs: number;
}

export const beforeFirst: Point = { sequence: 0, offset: -1, timeMs: 0 };

export const firstOf = (segment: SegmentChecksum): Point => ({
  sequence: segment.firstSequence,
  offset: segment.firstOffset,
  timeMs: segment.firstTimeMs,
});

export const lastOf = (segment: SegmentChecksum): Point => ({
  sequence: segment.lastSequence,
  offset: segment.lastOffset,
  timeMs: segment.lastTimeMs,
});

export const pointOf = ({ sequence, position, logTimeUs }: SnapshotManifest): Point => ({
  sequence,
  offset: position.offset,
  timeMs: logTimeUs / 1000,
});

/** The point of a record that comes right after another one. */
export function pointAfter(
  before: Point,
  record: { readonly offset: number; readonly timeMs: number },
): Point {
  return {
    sequence: before.sequence + 1,
    offset: record.offset,
    timeMs: Math.max(before.timeMs, record.timeMs),
  };
}

/**
 * Where a restore ends, as the last value that still belongs to it. All three measures are whole numbers, so an exclusive target is the inclusive one
 * before it, and every prefix of a history is cut by one comparison.
 */
export type Limit = RangeTarget;

/** Whether the record at the point belongs to the prefix. Monotonic: false once, false for all that follow. */
export function isWithin(limit: Limit, point: Point): boolean {
  switch (limit.kind) {
    case 'latest':
      return true;
    case 'sequence':
      return point.sequence <= limit.sequence;
    case 'offset':
      return point.offset <= limit.offset;
    case 'time':
      return point.timeMs <= limit.timeMs;
    default:
      return assertNever(limit);
  }
}

/** Whether nothing after this point can belong to the prefix, whatever it is. A time never says so: the next record may have the same stamp. */
export function isExhausted(limit: Limit, point: Point): boolean {
  switch (limit.kind) {
    case 'latest':
    case 'time':
      return false;
    case 'sequence':
      return point.sequence >= limit.sequence;
    case 'offset':
      return point.offset >= limit.offset;
    default:
      return assertNever(limit);
  }
}
