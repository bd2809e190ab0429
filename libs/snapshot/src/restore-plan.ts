import type { ChainFault, SegmentChecksum, SnapshotManifest } from '@entdb/archive-format';
import { assertNever, EntError, type ErrorCode } from '@entdb/base';
import {
  faultsOf,
  idOf,
  pathFrom,
  placeOf,
  windowsOf,
  type Damage,
  type History,
  type Path,
  type RestorableWindow,
} from './history.ts';
import { beforeFirst, firstOf, isWithin, pointOf, type Limit, type Point } from './limit.ts';
import { describeTarget, limitOf, type RestoreTarget } from './target.ts';

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
  /** Places where the archive is not whole; none of them on the way. */
  readonly gaps: readonly ChainFault[];
  readonly windows: readonly RestorableWindow[];
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

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
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
  /** Snapshots that were found damaged. */
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

/** Assumed, not measured: an estimate, and called so wherever it is shown. */
const bytesPerSecond = 30_000_000;
const recordsPerSecond = 12_000;
const scannedRecordsPerSecond = 40_000;

/** Pure: the same history and target give the same answer. */
export function planRestore(
  history: History,
  target: RestoreTarget,
  options: PlanOptions,
): Planning {
  const place = placeOf(history) ?? options.log;
  if (!place || (!placeOf(history) && options.log?.startOffset !== 0))
    return refused(
      'NOTHING_ARCHIVED',
      `the object store holds nothing of tenant ${history.tenantId}`,
      'check the tenant id, the bucket and its prefix',
    );
  const cut = cutOf(history, target, options);
  if (cut.kind !== 'cut') return cut;
  const early = refusedAtOnce(history, target, cut.limit, options);
  if (early) return early;

  const bases = basesFor(history, cut, options);
  if (bases.kind === 'refused') return bases;
  let first: Planning | undefined;
  for (const base of bases.bases) {
    const path = pathFrom(history, base.at, cut.limit);
    const planning = planPath({ history, place, target, cut, base, path, options });
    if (planning.kind === 'plan') return planning;
    // The newest base has the shortest way, and so its trouble is the nearest to the target.
    first ??= planning;
  }
  return first ?? beforeEverything(history, target);
}

interface Cut {
  readonly kind: 'cut';
  readonly limit: Limit;
  readonly snapshotId?: string;
  readonly tailKey?: TailKey;
}

function cutOf(history: History, target: RestoreTarget, options: PlanOptions): Cut | Planning {
  switch (target.kind) {
    case 'snapshot': {
      const found = history.snapshots.find((snapshot) => idOf(snapshot) === target.id);
      if (!found) return noSuchSnapshot(history, target.id);
      const limit = { kind: 'sequence', sequence: found.sequence } as const;
      return { kind: 'cut', limit, snapshotId: target.id };
    }
    case 'key': {
      const { key, inclusive } = target;
      const { located } = options;
      if (located === undefined) return { kind: 'scan', scan: scanFor(history, key) };
      if (located !== 'not-archived')
        return {
          kind: 'cut',
          limit: { kind: 'sequence', sequence: inclusive ? located : located - 1 },
        };
      if (options.log)
        return { kind: 'cut', limit: { kind: 'latest' }, tailKey: { key, inclusive } };
      return refused(
        'TARGET_NOT_FOUND',
        `no archived record of tenant ${history.tenantId} has the ${describeTarget(target)}`,
        'a record that is not archived yet is found where the log is at hand; a record before the oldest segment is gone',
      );
    }
    default:
      return { kind: 'cut', limit: limitOf(target) };
  }
}

function scanFor({ segments }: History, key: string): KeyScan {
  const bytes = sum(segments, (segment) => segment.bytes);
  const records = sum(segments, (segment) => segment.records);
  return {
    key,
    segments,
    bytes,
    records,
    estimateSeconds: seconds(bytes / bytesPerSecond + records / scannedRecordsPerSecond),
  };
}

function refusedAtOnce(
  history: History,
  target: RestoreTarget,
  limit: Limit,
  { nowMs, log }: PlanOptions,
): Planning | undefined {
  const place = placeOf(history);
  if (log && place && (log.topic !== place.topic || log.partition !== place.partition))
    return refused(
      'INVALID_POSITION',
      `tenant ${history.tenantId} is archived from ${place.topic}/${place.partition}, and the log at hand has it in ${log.topic}/${log.partition}`,
      'start with the settings of the log that the archive was made from',
    );
  if (limit.kind === 'time' && limit.timeMs > nowMs)
    return refused(
      'TARGET_IN_FUTURE',
      `${describeTarget(target)} has not come yet`,
      'check the zone of the time, and the clock of this machine; "latest" restores everything',
    );
  if (limit.kind === 'offset' && log && limit.offset >= log.endOffset)
    return refused(
      'TARGET_IN_FUTURE',
      `${describeTarget(target)} has not been written: the log ends at ${log.endOffset}`,
      '"latest" restores everything',
    );
  const belowAll =
    (limit.kind === 'sequence' && limit.sequence < 1) ||
    (limit.kind === 'offset' && limit.offset < 0) ||
    (limit.kind === 'time' && limit.timeMs < 0);
  return belowAll ? beforeEverything(history, target) : undefined;
}

/** The points to start from, newest first, that belong to the prefix. */
function basesFor(
  history: History,
  { limit, snapshotId }: Cut,
  { from, passedOver = [] }: PlanOptions,
): { readonly kind: 'bases'; readonly bases: readonly PlannedBase[] } | Refused {
  const scratch: PlannedBase = { kind: 'scratch', at: beforeFirst };
  const damaged = new Set(passedOver.map(({ object }) => object));
  const fitting = history.snapshots
    .filter((snapshot) => isWithin(limit, pointOf(snapshot)))
    .map((manifest): PlannedBase & { readonly kind: 'snapshot' } => ({
      kind: 'snapshot',
      at: pointOf(manifest),
      id: idOf(manifest),
      manifest,
    }))
    .reverse();
  const named = (id: string) => {
    const base = fitting.find((fit) => fit.id === id);
    if (base) return { kind: 'bases', bases: [base] } as const;
    if (!history.snapshots.some((snapshot) => idOf(snapshot) === id))
      return noSuchSnapshot(history, id);
    return refused(
      'INVALID_TARGET',
      `the target lies before ${id}`,
      'name an earlier snapshot, or none',
    );
  };
  if (snapshotId !== undefined) return named(snapshotId);
  switch (from.kind) {
    case 'best': {
      const sound = fitting.filter(({ id }) => !damaged.has(id));
      return { kind: 'bases', bases: [...sound, scratch] };
    }
    case 'scratch':
      return { kind: 'bases', bases: [scratch] };
    case 'snapshot':
      return named(from.id);
    case 'folder':
      if (isWithin(limit, from.at))
        return { kind: 'bases', bases: [{ kind: 'folder', at: from.at }] };
      return refused(
        'INVALID_TARGET',
        `the files stand at offset ${from.at.offset}, beyond the target`,
        'restore into an empty folder instead',
      );
    default:
      return assertNever(from);
  }
}

interface PathToPlan {
  readonly history: History;
  readonly place: { readonly topic: string; readonly partition: number };
  readonly target: RestoreTarget;
  readonly cut: Cut;
  readonly base: PlannedBase;
  readonly path: Path;
  readonly options: PlanOptions;
}

function planPath(step: PathToPlan): Planning {
  const { history, target, base, path, cut, options } = step;
  const first = path.segments[0];
  const empty = path.segments.length === 0 && base.kind === 'scratch';
  switch (path.end.kind) {
    case 'settled':
      if (base.kind === 'scratch' && (!first || !isWithin(cut.limit, firstOf(first))))
        return beforeEverything(history, target);
      return planOf(step, { kind: 'none' }, 'target');
    case 'broken': {
      const { fault, resumes, damage } = path.end;
      if (damage)
        return refused(
          damage.code,
          `on the way to ${describeTarget(target)}: ${damage.reason}`,
          `records up to ${path.reached.sequence} can be restored; run: entdb verify`,
        );
      if (empty) return beforeEverything(history, target);
      const inGap = cut.limit.kind !== 'latest' && !isBeyond(history, cut.limit, resumes);
      return refused(
        inGap ? 'TARGET_IN_GAP' : 'ARCHIVE_BROKEN',
        `the archive of tenant ${history.tenantId} is not whole on the way to ${describeTarget(target)}: ${fault.message}`,
        `records up to ${path.reached.sequence} can be restored; run: entdb verify`,
      );
    }
    case 'archive-end':
      if (options.log) return planTail(step, options.log);
      if (cut.limit.kind === 'latest' || options.short === 'accept') {
        if (empty) return beforeEverything(history, target);
        return planOf(step, { kind: 'none' }, 'archive');
      }
      return refused(
        'TARGET_BEYOND_ARCHIVE',
        `the archive of tenant ${history.tenantId} ends at offset ${path.reached.offset}, record ${path.reached.sequence}; whether later records belong to ${describeTarget(target)} is known to the log alone`,
        'make the log available, wait for the archiver, or accept what is archived',
      );
    default:
      return assertNever(path.end);
  }
}

/** Whether the target lies at or after the place where the records go on: then the hole is on the way, and not around the target. */
function isBeyond(history: History, limit: Limit, resumes: number): boolean {
  const segment = history.segments.find(({ firstSequence }) => firstSequence === resumes);
  const snapshot = history.snapshots.find(({ sequence }) => sequence === resumes);
  const point = segment ? firstOf(segment) : snapshot && pointOf(snapshot);
  return point !== undefined && isWithin(limit, point);
}

/**
 * The archive has records 1 to n, the last of them at offset L. The log has no sequences, so continuity can only be had by offset: every record of the
 * partition after L must either still be on the log, or be known to have been archived. The second is what the archiver's mark says, if it
 * was read before the archive was listed.
 */
function planTail(step: PathToPlan, log: LogReach): Planning {
  const { reached } = step.path;
  const fromOffset = Math.max(reached.offset + 1, Math.min(log.archivedOffset, log.endOffset));
  if (log.endOffset <= reached.offset)
    return refused(
      'LOG_TRUNCATED',
      `the log ends at offset ${log.endOffset}, and the archive has offset ${reached.offset}`,
      'this log is not the one that was archived, or it lost its end',
    );
  if (log.startOffset > fromOffset)
    return refused(
      'ARCHIVE_GAP',
      `the archive of tenant ${step.history.tenantId} ends at offset ${reached.offset}, and the log begins at ${log.startOffset}: what lies between is in neither`,
      'accept what is archived, or look for the log that still has those records',
    );
  const { tailKey } = step.cut;
  return planOf(step, { kind: 'log', fromOffset, ...(tailKey && { key: tailKey }) }, 'target');
}

function planOf(
  { history, place, target, cut, base, path, options }: PathToPlan,
  tail: PlannedTail,
  reaches: RestorePlan['reaches'],
): Planning {
  const files = base.kind === 'snapshot' ? base.manifest.files : [];
  const bytes = sum(path.segments, (segment) => segment.bytes) + sum(files, (file) => file.bytes);
  const records = path.reached.sequence - base.at.sequence;
  const { topic, partition } = place;
  return {
    kind: 'plan',
    plan: {
      format: 1,
      tenantId: history.tenantId,
      topic,
      partition,
      target,
      limit: cut.limit,
      base,
      segments: path.segments,
      tail,
      reaches,
      objects: path.segments.length + files.length,
      bytes,
      records,
      estimateSeconds: seconds(bytes / bytesPerSecond + records / recordsPerSecond),
      gaps: faultsOf(history),
      windows: windowsOf(history),
      passedOver: [
        ...history.damaged.filter(({ firstSequence }) => firstSequence === undefined),
        ...(options.passedOver ?? []),
      ],
    },
  };
}

type Refused = Extract<Planning, { readonly kind: 'refused' }>;

function refused(code: ErrorCode, message: string, hint: string): Refused {
  return { kind: 'refused', refusal: { code, message, hint } };
}

function noSuchSnapshot({ tenantId, snapshots }: History, id: string): Refused {
  const newest = snapshots.at(-1);
  return refused(
    'SNAPSHOT_NOT_FOUND',
    `tenant ${tenantId} has no complete snapshot ${id}`,
    newest
      ? `the newest is ${idOf(newest)}; list-snapshots prints all`
      : 'it has no snapshot at all',
  );
}

function beforeEverything(history: History, target: RestoreTarget): Refused {
  const first = windowsOf(history)[0]?.first;
  return refused(
    'TARGET_BEFORE_FIRST',
    `${describeTarget(target)} lies before everything that can be restored of tenant ${history.tenantId}`,
    first
      ? `the first is record ${first.sequence} at offset ${first.offset}, ${new Date(first.timeMs).toISOString()}`
      : 'nothing of it can be restored from the archive',
  );
}

/** What a person or a program is told who asked for the restore. */
export function refusalError(tenantId: string, { code, message, hint }: Refusal): EntError {
  return new EntError(code, message, { tenantId, hint });
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

const seconds = (value: number): number => Math.ceil(value * 10) / 10;
