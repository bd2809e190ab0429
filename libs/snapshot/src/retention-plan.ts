import {
  checksumNameOf,
  manifestName,
  parseSnapshotId,
  snapshotFileName,
  snapshotFiles,
  type SnapshotManifest,
} from '@entdb/archive-format';
import type { Catalog } from './catalog.ts';
import { sum } from './estimate.ts';
import { idOf, pathFrom } from './history.ts';
import { pointOf } from './limit.ts';
import { restorePointUsableMs, type StoredRestorePoint } from './restore-point-listing.ts';

/** What retention would remove of a tenant, and why not more. Data: the dry run prints it. */
export interface RetentionPlan {
  readonly tenantId: string;
  /** Every time from here on stays restorable. */
  readonly boundaryMs: number;
  /** The newest sound snapshot at or before the boundary, or the one of the newest erasure: it stays, and so does every segment after it. */
  readonly base: string | null;
  /** Why nothing is removed. */
  readonly held: string | null;
  readonly snapshots: readonly string[];
  readonly segments: readonly string[];
  /** By their sequences. */
  readonly restorePoints: readonly number[];
  /** In the order of removal: a crash in between leaves no snapshot that looks whole and is not. */
  readonly objects: readonly string[];
  readonly bytes: number;
  /** Snapshots that would go but are protected. */
  readonly kept: readonly string[];
}

export interface RetentionOptions {
  readonly nowMs: number;
  readonly retentionDays: number;
  /** Ids of protected snapshots. */
  readonly kept: ReadonlySet<string>;
  readonly restorePoints?: readonly StoredRestorePoint[];
}

const dayMs = 24 * 60 * 60_000;
export const defaultRetentionDays = 90;

/**
 * Pure. Removes only what lies wholly below the base, so the chain from the base on is untouched. The last segment stays whatever its age: the
 * archiver finds in it where to go on. What was erased goes as soon as there is a snapshot of what is left, protected or not.
 */
export function planRetention(catalog: Catalog, options: RetentionOptions): RetentionPlan {
  const { history, sizes } = catalog;
  const { tenantId } = history;
  const { restorePoints = [], nowMs } = options;
  const boundaryMs = nowMs - options.retentionDays * dayMs;
  const unfinished = restorePoints.filter((point) => isAbandoned(point, nowMs));
  const nothing = (held: string | null, base: string | null = null): RetentionPlan => ({
    tenantId,
    boundaryMs,
    base,
    held,
    snapshots: [],
    segments: [],
    restorePoints: unfinished.map(({ sequence }) => sequence),
    objects: unfinished.flatMap(({ objects }) => objects),
    bytes: sum(unfinished, ({ bytes }) => bytes),
    kept: [],
  });
  const byAge = history.snapshots.findLast((snapshot) => pointOf(snapshot).timeMs <= boundaryMs);
  const erased = history.erasures.at(-1)?.at.sequence ?? 0;
  const ofErasure = history.snapshots.find(({ sequence }) => sequence === erased);
  const base = (byAge?.sequence ?? 0) > erased ? byAge : (ofErasure ?? byAge);
  if (!base) return nothing(null);
  const id = idOf(base);
  const isErased = ({ sequence }: { readonly sequence: number }): boolean =>
    sequence < erased && erased <= base.sequence;
  const { end } = pathFrom(history, pointOf(base), { kind: 'latest' });
  if (end.kind === 'broken')
    return nothing(`the chain after ${id} is not whole: ${end.fault.message}`, id);

  const points = restorePoints.filter(
    (point) => isErased(point) || isAbandoned(point, nowMs) || isNamedBelow(point, base),
  );
  const needed = restorePoints.filter((point) => !points.includes(point));
  const harmed = needed.find(({ damage, sequence }) => damage && sequence < base.sequence);
  if (harmed)
    return nothing(
      `restore point ${harmed.sequence} is damaged, and what lies below ${id} leads to the same state: ${harmed.damage?.reason}`,
      id,
    );

  const below = history.snapshots.filter(({ sequence }) => sequence < base.sequence);
  const older = below.map(idOf);
  const gone = new Set(below.filter(isErased).map(idOf));
  const damaged = history.damaged.flatMap(({ object, firstSequence }) =>
    firstSequence === undefined ? [object] : [],
  );
  const isOld = (snapshot: string) => parseSnapshotId(snapshot).logTimeMs < pointOf(base).timeMs;
  const candidates = [...new Set([...older, ...[...catalog.incomplete, ...damaged].filter(isOld)])];
  const isKept = (snapshot: string) => options.kept.has(snapshot) && !gone.has(snapshot);
  const snapshots = candidates.filter((snapshot) => !isKept(snapshot));

  const last = history.segments.at(-1);
  const whole = history.segments
    .filter((segment) => segment.lastSequence <= base.sequence && segment !== last)
    .map(({ segment }) => segment);
  // What an earlier retention left half removed, or what is damaged where nobody needs it: the chain after the base is whole without it.
  const leftover = history.damaged.flatMap(({ object, firstSequence }) =>
    firstSequence !== undefined && firstSequence <= base.sequence ? [object] : [],
  );
  const segments = [...leftover, ...whole];

  const stored = [
    ...snapshots.map((snapshot) => manifestName(tenantId, snapshot)),
    ...snapshots.flatMap((snapshot) =>
      snapshotFiles.map((file) => snapshotFileName(tenantId, snapshot, file)),
    ),
    ...segments.flatMap((segment) => [checksumNameOf(segment), segment]),
  ].filter((key) => sizes.has(key));
  return {
    tenantId,
    boundaryMs,
    base: id,
    held: null,
    snapshots,
    segments,
    restorePoints: points.map(({ sequence }) => sequence),
    objects: [...stored, ...points.flatMap(({ objects }) => objects)],
    bytes: sum(stored, (key) => sizes.get(key) ?? 0) + sum(points, ({ bytes }) => bytes),
    kept: candidates.filter(isKept),
  };
}

/** So long after its objects were written no record will name a restore point any more. */
const namedWithinMs = 2 * restorePointUsableMs;

/** Nobody finished it. */
function isAbandoned({ manifest, damage, modifiedMs }: StoredRestorePoint, nowMs: number): boolean {
  return !manifest && !damage && modifiedMs + namedWithinMs < nowMs;
}

/**
 * Whether the record that names it, if there is one, lies below the base for certain: then no restore passes that record any more. Which record that is only the archive
 * knows; but it came within a time after the objects.
 */
function isNamedBelow({ modifiedMs }: StoredRestorePoint, base: SnapshotManifest): boolean {
  return modifiedMs + namedWithinMs < pointOf(base).timeMs;
}
