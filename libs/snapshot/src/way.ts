import { assertNever } from '@entdb/base';
import type { Cut } from './cut.ts';
import { bytesPerSecond, recordsPerSecond, seconds, sum } from './estimate.ts';
import type { Damage } from './damage.ts';
import { faultsOf, windowsOf, type History, type Path } from './history.ts';
import { firstOf, isWithin, pointOf, type Limit } from './limit.ts';
import type {
  LogReach,
  PlannedBase,
  PlannedTail,
  Planning,
  PlanOptions,
  RestorePlan,
} from './plan.ts';
import { beforeEverything, erasedAfter, refused } from './refusal.ts';
import { describeTarget, type RestoreTarget } from './target.ts';

/** A way that may lead from a base to a target. */
export interface Way {
  readonly history: History;
  readonly place: { readonly topic: string; readonly partition: number };
  readonly target: RestoreTarget;
  readonly cut: Cut;
  readonly base: PlannedBase;
  readonly path: Path;
  readonly options: PlanOptions;
}

/** The plan that a way comes to, or why it does not lead there. */
export function planWay(step: Way): Planning {
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
      if (options.log && leadsAround(history, path, options.log)) {
        const missing = damage ?? {
          object: fault.segment,
          code: 'ARCHIVE_BROKEN' as const,
          reason: fault.message,
        };
        const tail = logTail(path.reached.offset + 1, cut);
        return planOf(step, tail, 'target', [missing]);
      }
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
 * Whether the log still has every record after the last one before the damage, and all that is known to follow. Continuity is by offset: it misses nothing if it begins right
 * after that record or before.
 */
function leadsAround(
  { segments, snapshots }: History,
  { reached }: Path,
  { startOffset, endOffset }: LogReach,
): boolean {
  const known = Math.max(
    ...segments.map(({ lastOffset }) => lastOffset),
    ...snapshots.map(({ position }) => position.offset),
    reached.offset,
  );
  return startOffset <= reached.offset + 1 && endOffset > known;
}

const logTail = (fromOffset: number, { tailKey }: Cut): PlannedTail => ({
  kind: 'log',
  fromOffset,
  ...(tailKey && { key: tailKey }),
});

/**
 * The archive has records 1 to n, the last of them at offset L. The log has no sequences, so continuity can only be had by offset: every record of the
 * partition after L must either still be on the log, or be known to have been archived. The second is what the archiver's mark says, if it
 * was read before the archive was listed.
 */
function planTail(step: Way, log: LogReach): Planning {
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
  return planOf(step, logTail(fromOffset, step.cut), 'target');
}

function planOf(
  { history, place, target, cut, base, path, options }: Way,
  tail: PlannedTail,
  reaches: RestorePlan['reaches'],
  around: readonly Damage[] = [],
): Planning {
  const erased = history.erasures.at(-1);
  if (erased && tail.kind === 'none' && path.reached.sequence < erased.at.sequence)
    return erasedAfter(history, place, erased, 'what is archived ends');
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
      ...(erased && { erased }),
      passedOver: eachOnce([
        ...history.damaged.filter(({ firstSequence }) => firstSequence === undefined),
        ...(options.passedOver ?? []),
        ...around,
      ]),
    },
  };
}

function eachOnce(damages: readonly Damage[]): readonly Damage[] {
  return [...new Map(damages.map((damage) => [damage.object, damage])).values()];
}
