import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EntError } from '@entdb/base';
import type { TenantFacts } from '@entdb/tenant-store';
import type { Catalog } from './catalog.ts';
import type { Damage } from './damage.ts';
import { isExhausted, type Point } from './limit.ts';
import type { RestorePlan } from './plan.ts';
import { erasedAfter, refusalError } from './refusal.ts';
import { pointAt, type Digests } from './replay.ts';
import { describeTarget, type RestoreTarget } from './target.ts';

/** What needed not be fetched because it was there already. */
export interface Reused {
  /** The files were the base, as they stood here. */
  readonly base: Point | null;
  /** Files that have the very bytes of the snapshot. */
  readonly files: readonly string[];
  /** Stored bytes that were not fetched. */
  readonly bytesSaved: number;
  /** Why the files were no base: they are damaged, or on another history. */
  readonly unusable: string | null;
}

/** What was restored, and the proof of it. Also written beside the files, as report.json. */
export interface RestoreReport {
  readonly format: 1;
  readonly tenantId: string;
  readonly target: RestoreTarget;
  readonly reached: Point;
  readonly epoch: number;
  readonly state: TenantFacts['state'];
  /** All records of the tenant's history up to here: its sequence. */
  readonly records: number;
  readonly digests: Digests;
  /** False: the archive ends before the target, and later records may exist that belong to it. */
  readonly complete: boolean;
  readonly plan: Pick<RestorePlan, 'base' | 'tail' | 'objects' | 'bytes' | 'records' | 'gaps'> & {
    readonly segments: readonly string[];
  };
  /** The last segment that was applied, where the restore ends in it: its hash stands for all of history up to there. */
  readonly chain: { readonly segment: string; readonly sha256: string } | null;
  /** What was used of the files that were there, where that was asked for. */
  readonly reused: Reused | null;
  /** Damaged objects that the way led around. */
  readonly passedOver: readonly Damage[];
  /** A segment that has no checksum yet, and was not used. */
  readonly unfinished: string | null;
  readonly unknownObjects: readonly string[];
}

export function reportOf(
  plan: RestorePlan,
  catalog: Catalog,
  facts: TenantFacts,
  { passedOver, reused }: Pick<RestoreReport, 'passedOver' | 'reused'>,
): RestoreReport {
  const { base, tail, objects, bytes, records, gaps, segments } = plan;
  return {
    format: 1,
    tenantId: plan.tenantId,
    target: plan.target,
    reached: pointAt(facts.position),
    epoch: facts.position.epoch,
    state: facts.state,
    records: facts.position.sequence,
    digests: facts.digests,
    complete: plan.reaches === 'target',
    plan: {
      base,
      tail,
      objects,
      bytes,
      records,
      gaps,
      segments: segments.map(({ segment }) => segment),
    },
    chain: chainOf(plan, facts),
    reused,
    passedOver,
    unfinished: catalog.unfinished ?? null,
    unknownObjects: catalog.unknown,
  };
}

/** What the restore said that made the files in a folder; undefined where there is none, or none that can be read. */
export function reportIn(dir: string): RestoreReport | undefined {
  const path = join(dir, 'report.json');
  if (!existsSync(path)) return undefined;
  try {
    const json = JSON.parse(readFileSync(path, 'utf8')) as Partial<RestoreReport>;
    const isWhole = json.format === 1 && json.target && json.reached && json.digests;
    return isWhole ? (json as RestoreReport) : undefined; // written by us, in one piece
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function chainOf({ segments }: RestorePlan, { position }: TenantFacts): RestoreReport['chain'] {
  const last = segments.findLast(({ firstSequence }) => firstSequence <= position.sequence);
  if (!last || position.sequence > last.lastSequence) return null;
  return { segment: last.segment, sha256: last.sha256 };
}

/** The log may end before the erasure that an object tells of. */
export function assertNotErased(plan: RestorePlan, { history }: Catalog, reached: Point): void {
  const { erased, tenantId } = plan;
  if (!erased || reached.sequence >= erased.at.sequence) return;
  throw refusalError(tenantId, erasedAfter(history, plan, erased, 'what can be had ends').refusal);
}

/** That the log had the target. */
export function assertReached(
  { limit, target, tail, tenantId }: RestorePlan,
  reached: Point,
  metOnLog: boolean,
): void {
  if (tail.kind !== 'log') return;
  // The log is at hand from its beginning, so a plan can be made for a tenant that nobody has heard of.
  if (reached.sequence === 0)
    throw new EntError(
      'NOTHING_ARCHIVED',
      `neither archive nor log has a record of tenant ${tenantId} up to the target`,
      { tenantId, hint: 'check the tenant id, and the settings of log and object store' },
    );
  if (tail.key && !metOnLog)
    throw new EntError(
      'TARGET_NOT_FOUND',
      `neither archive nor log has the ${describeTarget(target)}`,
      {
        tenantId,
        hint: 'check the key; a record before the oldest segment is gone',
      },
    );
  if (limit.kind === 'sequence' && !isExhausted(limit, reached))
    throw new EntError(
      'TARGET_IN_FUTURE',
      `the log ends at record ${reached.sequence} of the tenant`,
      {
        tenantId,
        hint: '"latest" restores everything',
      },
    );
}
