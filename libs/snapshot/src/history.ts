import {
  inspectChain,
  planRange,
  snapshotId,
  type ChainFault,
  type SegmentChecksum,
  type SnapshotManifest,
} from '@entdb/archive-format';
import type { Damage } from './damage.ts';
import type { ErasedAt } from './erased.ts';
import {
  beforeFirst,
  firstOf,
  isExhausted,
  lastOf,
  pointOf,
  type Limit,
  type Point,
} from './limit.ts';

/** What is archived of a tenant, as values: everything that a plan is made of. Both lists are in ascending order of sequence. */
export interface History {
  readonly tenantId: string;
  readonly segments: readonly SegmentChecksum[];
  readonly snapshots: readonly SnapshotManifest[];
  /** Records after which nothing from before them may come back; ascending. */
  readonly erasures: readonly ErasedAt[];
  /** Segments and snapshots that are there and cannot be used. */
  readonly damaged: readonly Damage[];
}

export const idOf = ({ logTimeUs }: SnapshotManifest): string => snapshotId(logTimeUs / 1000);

/** The topic and partition of a tenant; undefined where nothing of it is archived. */
export function placeOf({
  segments,
  snapshots,
}: History): { readonly topic: string; readonly partition: number } | undefined {
  const { topic, partition } = segments[0] ?? snapshots[0]?.position ?? {};
  return topic === undefined || partition === undefined ? undefined : { topic, partition };
}

/** How far the segments lead from a point towards a limit. */
export interface Path {
  readonly segments: readonly SegmentChecksum[];
  /** The last archived point on the path: the limit cuts at it or before. */
  readonly reached: Point;
  readonly end:
    /** Everything up to the limit is on the path. */
    | { readonly kind: 'settled' }
    /** The archive ends before it is known that nothing more belongs to the prefix. */
    | { readonly kind: 'archive-end' }
    /** Records that may belong to the prefix are not there, while later ones are. `resumes`: the first sequence that is there again. */
    | {
        readonly kind: 'broken';
        readonly fault: ChainFault;
        readonly resumes: number;
        /** The object in the hole, where one is there and cannot be used. */
        readonly damage?: Damage;
      };
}

export function pathFrom(history: History, start: Point, limit: Limit): Path {
  if (isExhausted(limit, start)) return { segments: [], reached: start, end: { kind: 'settled' } };
  const { segments, fault, settled } = planRange(history.segments, start.sequence + 1, limit);
  const last = segments.at(-1);
  const path = { segments, reached: last ? lastOf(last) : start };
  if (settled) return { ...path, end: { kind: 'settled' } };
  const broken = (found: ChainFault, resumes: number): Path => {
    const damage = damageIn(history, path.reached.sequence, resumes);
    return { ...path, end: { kind: 'broken', fault: found, resumes, ...(damage && { damage }) } };
  };
  if (fault) {
    const next = history.segments.find(({ segment }) => segment === fault.segment);
    return broken(fault, next?.firstSequence ?? fault.sequence);
  }
  // What is known to have been there beyond the end is not the end: a snapshot of later records, or a segment that cannot be used.
  const beyond = history.snapshots.find(({ sequence }) => sequence > path.reached.sequence);
  if (beyond) return broken(lostBefore(beyond, path.reached), beyond.sequence);
  const damage = damageIn(history, path.reached.sequence, Infinity);
  if (damage) return broken(lostAt(damage, path.reached), Number.MAX_SAFE_INTEGER);
  return { ...path, end: { kind: 'archive-end' } };
}

function damageIn({ damaged }: History, after: number, resumes: number): Damage | undefined {
  return damaged.find(
    ({ firstSequence }) =>
      firstSequence !== undefined && firstSequence > after && firstSequence < resumes,
  );
}

function lostAt({ object }: Damage, reached: Point): ChainFault {
  const sequence = reached.sequence + 1;
  return {
    kind: 'gap',
    segment: object,
    after: undefined,
    sequence,
    message: `records from ${sequence} on are in ${object}, which cannot be used`,
  };
}

function lostBefore(snapshot: SnapshotManifest, reached: Point): ChainFault {
  const sequence = reached.sequence + 1;
  return {
    kind: 'gap',
    segment: idOf(snapshot),
    after: undefined,
    sequence,
    message: `records ${sequence} to ${snapshot.sequence} are in ${idOf(snapshot)} and in no segment`,
  };
}

/** Every place where the chain of segments does not hold, the head that is missing without a snapshot in its stead included. */
export function faultsOf({ segments, snapshots }: History): readonly ChainFault[] {
  const faults: ChainFault[] = [];
  const first = segments[0];
  const headless = first && first.firstSequence > 1;
  if (headless && !snapshots.some(({ sequence }) => sequence >= first.firstSequence - 1)) {
    const { fault } = planRange(segments, 1, { kind: 'latest' });
    if (fault) faults.push(fault);
  }
  let rest = segments;
  for (let found = inspectChain(rest); found.fault; found = inspectChain(rest)) {
    faults.push(found.fault);
    rest = rest.slice(found.whole.length);
  }
  const last = segments.at(-1);
  const beyond = snapshots.at(-1);
  if (last && beyond && beyond.sequence > last.lastSequence)
    faults.push(lostBefore(beyond, lastOf(last)));
  return faults;
}

/** A stretch of history in which every record can be restored to. */
export interface RestorableWindow {
  readonly first: Point;
  readonly last: Point;
}

/** What can be restored from the archive, as disjoint stretches in ascending order; one of them when nothing is wrong. The first begins at the newest erasure. */
export function windowsOf(history: History): readonly RestorableWindow[] {
  const windows: RestorableWindow[] = [];
  const add = (first: Point, last: Point): void => {
    const open = windows.at(-1);
    if (!open || first.sequence > open.last.sequence + 1) windows.push({ first, last });
    else if (last.sequence > open.last.sequence) windows[windows.length - 1] = { ...open, last };
  };
  const all: Limit = { kind: 'latest' };
  const whole = pathFrom(history, beforeFirst, all);
  const first = whole.segments[0];
  if (first) add(firstOf(first), whole.reached);
  for (const snapshot of history.snapshots)
    add(pointOf(snapshot), pathFrom(history, pointOf(snapshot), all).reached);
  const floor = history.erasures.at(-1)?.at;
  if (!floor) return windows;
  return windows
    .filter((window) => window.last.sequence >= floor.sequence)
    .map((window) =>
      window.first.sequence < floor.sequence ? { ...window, first: floor } : window,
    );
}
