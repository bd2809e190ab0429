import { assertNever } from '@entdb/base';
import type { SegmentChecksum } from './checksum.ts';
import { linkFault, type ChainFault } from './chain.ts';

/** The last record wanted, inclusive. Times are compared with running maxima. An exclusive target is the inclusive one before it. */
export type RangeTarget =
  | { readonly kind: 'latest' }
  | { readonly kind: 'sequence'; readonly sequence: number }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'time'; readonly timeMs: number };

export interface RangePlan {
  /** What must be read, in order: from the segment that holds the first record wanted to the one that holds the last. */
  readonly segments: readonly SegmentChecksum[];
  readonly bytes: number;
  /** Why the archive alone does not lead to the target: the first bad place on the way. */
  readonly fault: ChainFault | undefined;
  /**
   * Whether the archive holds every record up to the target. Where it does not and there is no fault, the archive ends first: later records may
   * stand in the log. `latest` is never settled.
   */
  readonly settled: boolean;
}

/**
 * The segments with the records of a tenant from a sequence to a target. Only what is on the way is looked at: damage before or
 * after it does not matter. Pure; `checksums` in any order.
 */
export function planRange(
  checksums: readonly SegmentChecksum[],
  fromSequence: number,
  target: RangeTarget,
): RangePlan {
  const chosen: SegmentChecksum[] = [];
  const plan = (settled: boolean, fault?: ChainFault): RangePlan => ({
    segments: chosen,
    bytes: chosen.reduce((sum, { bytes }) => sum + bytes, 0),
    fault,
    settled,
  });
  if (target.kind === 'sequence' && target.sequence < fromSequence) return plan(true);
  const ahead = checksums
    .filter(({ lastSequence }) => lastSequence >= fromSequence)
    .sort((a, b) => a.firstSequence - b.firstSequence);
  for (const checksum of ahead) {
    const before = chosen.at(-1);
    const fault = before ? linkFault(before, checksum) : headFault(checksum, fromSequence);
    if (fault) return plan(false, fault);
    if (startsAfter(checksum, target)) return plan(true);
    chosen.push(checksum);
    if (reaches(checksum, target)) return plan(true);
  }
  return plan(false);
}

function headFault(first: SegmentChecksum, fromSequence: number): ChainFault | undefined {
  if (first.firstSequence <= fromSequence) return undefined;
  return {
    kind: 'gap',
    segment: first.segment,
    after: undefined,
    sequence: fromSequence,
    message: `${first.segment} is the first: records ${fromSequence} to ${first.firstSequence - 1} are missing`,
  };
}

function startsAfter(checksum: SegmentChecksum, target: RangeTarget): boolean {
  switch (target.kind) {
    case 'latest':
      return false;
    case 'sequence':
      return checksum.firstSequence > target.sequence;
    case 'offset':
      return checksum.firstOffset > target.offset;
    case 'time':
      return checksum.firstTimeMs > target.timeMs;
    default:
      return assertNever(target);
  }
}

/** Whether no record after this segment can be wanted. */
function reaches(checksum: SegmentChecksum, target: RangeTarget): boolean {
  switch (target.kind) {
    case 'latest':
      return false;
    case 'sequence':
      return checksum.lastSequence >= target.sequence;
    case 'offset':
      return checksum.lastOffset >= target.offset;
    case 'time':
      return checksum.lastTimeMs > target.timeMs; // an equal one may be followed by more of the same millisecond
    default:
      return assertNever(target);
  }
}
