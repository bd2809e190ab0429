import { bytesPerSecond, scannedRecordsPerSecond, seconds, sum } from './estimate.ts';
import { idOf, placeOf, type History } from './history.ts';
import type { Limit } from './limit.ts';
import type { KeyScan, Planning, PlanOptions, TailKey } from './plan.ts';
import { beforeEverything, noSuchSnapshot, refused } from './refusal.ts';
import { describeTarget, limitOf, type RestoreTarget } from './target.ts';

/** What a target comes to: the prefix of the history that is wanted. */
export interface Cut {
  readonly kind: 'cut';
  readonly limit: Limit;
  readonly snapshotId?: string;
  readonly tailKey?: TailKey;
}

export function cutOf(
  history: History,
  target: RestoreTarget,
  options: PlanOptions,
): Cut | Planning {
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

/** What can be said before a way is looked for. */
export function refusedAtOnce(
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
