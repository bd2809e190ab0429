import type { ChainFault, SegmentChecksum, SnapshotManifest } from '@entdb/archive-format';
import type { Damage } from './damage.ts';
import type { ErasedAt } from './erased.ts';
import type { RestorableWindow } from './history.ts';
import type { Limit, Point } from './limit.ts';
import type { Refusal } from './refusal.ts';
import type { RestoreTarget } from './target.ts';

/** A plan is data: the dry run prints it, execution follows it, a crashed execution goes on with it. */
export interface RestorePlan {
  readonly format: 1;
  readonly tenantId: string;
  readonly topic: string;
  readonly partition: number;
  readonly target: RestoreTarget;
  /** The cut that the target comes to. */
  readonly limit: Limit;
  readonly base: PlannedBase;
  /** In order; the first may begin before the base, the last may go on beyond the limit. */
  readonly segments: readonly SegmentChecksum[];
  readonly tail: PlannedTail;
  /** `archive`: the log is not at hand, and later records may exist that belong to the prefix. */
  readonly reaches: 'target' | 'archive';
  readonly objects: number;
  readonly bytes: number;
  /** Records to be applied, at the most; those of the log not counted. */
  readonly records: number;
  readonly estimateSeconds: number;
  /** Places where the archive is not whole; none of them on the way, or the log leads around. */
  readonly gaps: readonly ChainFault[];
  readonly windows: readonly RestorableWindow[];
  /** The newest erasure that is known: the result must hold it. */
  readonly erased?: ErasedAt;
  /** Damaged objects that the way leads around. */
  readonly passedOver: readonly Damage[];
}

export type PlannedBase =
  | { readonly kind: 'scratch'; readonly at: Point }
  | {
      readonly kind: 'snapshot';
      readonly at: Point;
      readonly id: string;
      readonly manifest: SnapshotManifest;
    }
  /** Files that are there already. */
  | { readonly kind: 'folder'; readonly at: Point };

export type PlannedTail =
  | { readonly kind: 'none' }
  /** Records of the log from this offset on. `key`: the idempotency key to stop at, which the archive does not have. */
  | { readonly kind: 'log'; readonly fromOffset: number; readonly key?: TailKey };

export interface TailKey {
  readonly key: string;
  readonly inclusive: boolean;
}

/** A key can be anywhere: these segments are read, in order, up to the record that has it. Then the plan is made. */
export interface KeyScan {
  readonly key: string;
  readonly segments: readonly SegmentChecksum[];
  readonly bytes: number;
  readonly records: number;
  readonly estimateSeconds: number;
}

export type Planning =
  | { readonly kind: 'plan'; readonly plan: RestorePlan }
  | { readonly kind: 'scan'; readonly scan: KeyScan }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface PlanOptions {
  /** By which a time is in the future. */
  readonly nowMs: number;
  /** `best`: whatever is the shortest way. */
  readonly from: PlanStart;
  /** The log, where it is at hand. */
  readonly log?: LogReach;
  /** What to do where the archive ends before the target and the log is not at hand. */
  readonly short: 'refuse' | 'accept';
  /** What the scan for a key found: the sequence of its record, or that the archive does not have it. */
  readonly located?: number | 'not-archived';
  /** Files that are there already stand here, on the same history. */
  readonly existing?: Point;
  /** Snapshots and segments that were found damaged. */
  readonly passedOver?: readonly Damage[];
}

export type PlanStart =
  | { readonly kind: 'best' }
  | { readonly kind: 'scratch' }
  | { readonly kind: 'snapshot'; readonly id: string }
  | { readonly kind: 'folder'; readonly at: Point };

export interface LogReach {
  readonly topic: string;
  readonly partition: number;
  readonly startOffset: number;
  readonly endOffset: number;
  /** The archiver's mark, read before the archive was listed: every record below it was archived by then. */
  readonly archivedOffset: number;
}
