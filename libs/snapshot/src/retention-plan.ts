import {
  checksumNameOf,
  manifestName,
  parseSnapshotId,
  snapshotFileName,
  snapshotFiles,
} from '@entdb/archive-format';
import type { Catalog } from './catalog.ts';
import { idOf, pathFrom } from './history.ts';
import { pointOf } from './limit.ts';

/** What retention would remove of a tenant, and why not more. Data: the dry run prints it. */
export interface RetentionPlan {
  readonly tenantId: string;
  /** Every time from here on stays restorable. */
  readonly boundaryMs: number;
  /** The newest sound snapshot at or before the boundary: it stays, and so does every segment after it. */
  readonly base: string | null;
  /** Why nothing is removed. */
  readonly held: string | null;
  readonly snapshots: readonly string[];
  readonly segments: readonly string[];
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
}

const dayMs = 24 * 60 * 60_000;
export const defaultRetentionDays = 90;

/**
 * Pure. Removes only what lies wholly below the base, so the chain from the base on is untouched. The last segment stays whatever its age: the
 * archiver finds in it where to go on.
 */
export function planRetention(catalog: Catalog, options: RetentionOptions): RetentionPlan {
  const { history, sizes } = catalog;
  const { tenantId } = history;
  const boundaryMs = options.nowMs - options.retentionDays * dayMs;
  const nothing = (held: string | null, base: string | null = null): RetentionPlan => ({
    tenantId,
    boundaryMs,
    base,
    held,
    snapshots: [],
    segments: [],
    objects: [],
    bytes: 0,
    kept: [],
  });
  const base = history.snapshots.findLast((snapshot) => pointOf(snapshot).timeMs <= boundaryMs);
  if (!base) return nothing(null);
  const id = idOf(base);
  const { end } = pathFrom(history, pointOf(base), { kind: 'latest' });
  if (end.kind === 'broken')
    return nothing(`the chain after ${id} is not whole: ${end.fault.message}`, id);

  const older = history.snapshots.filter(({ sequence }) => sequence < base.sequence).map(idOf);
  const damaged = history.damaged.flatMap(({ object, firstSequence }) =>
    firstSequence === undefined ? [object] : [],
  );
  const isOld = (snapshot: string) => parseSnapshotId(snapshot).logTimeMs < pointOf(base).timeMs;
  const candidates = [...new Set([...older, ...[...catalog.incomplete, ...damaged].filter(isOld)])];
  const snapshots = candidates.filter((snapshot) => !options.kept.has(snapshot));

  const last = history.segments.at(-1);
  const whole = history.segments
    .filter((segment) => segment.lastSequence <= base.sequence && segment !== last)
    .map(({ segment }) => segment);
  // What an earlier retention left half removed, or what is damaged where nobody needs it: the chain after the base is whole without it.
  const leftover = history.damaged.flatMap(({ object, firstSequence }) =>
    firstSequence !== undefined && firstSequence <= base.sequence ? [object] : [],
  );
  const segments = [...leftover, ...whole];

  const objects = [
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
    objects,
    bytes: objects.reduce((sum, key) => sum + (sizes.get(key) ?? 0), 0),
    kept: candidates.filter((snapshot) => options.kept.has(snapshot)),
  };
}
