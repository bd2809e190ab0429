import { join } from 'node:path';
import { EntError, type Clock, type Rng } from '@entdb/base';
import type { PublishedDigests } from '@entdb/fleet';
import {
  planFor,
  refusalError,
  restoreTenant,
  type Planning,
  type PlanStart,
  type RestoreReport,
  type RestoreTarget,
} from '@entdb/snapshot';
import { eachBounded } from './each-bounded.ts';
import { exitCodeOf, exitCodes, gravest, type ExitCode } from './exit-codes.ts';
import { factsOfFiles } from './facts-of-files.ts';
import type { Places } from './places.ts';
import { createProgressMeter, type Progress } from './progress.ts';

/** Where a restore begins. `folder`: files that stand at this offset or beyond it. */
export type Start =
  | { readonly kind: 'best' | 'scratch' }
  | { readonly kind: 'folder'; readonly fromPosition: number };

export interface RestoreJob {
  readonly places: Places;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly tenantIds: readonly string[];
  readonly target: RestoreTarget;
  /** `<outputDir>/<tenant>` is what will be made, or gone on with. */
  readonly outputDir: string;
  readonly start?: Start;
  readonly force?: boolean;
  /** With `force`: what is in the folder already is used where something proves it, and is not fetched. */
  readonly delta?: boolean;
  /** Where the archive ends is where the restore may end: it is made, and its exit code says that there is a doubt. */
  readonly archiveOnly?: boolean;
  /** The caller knows that the archive may end before the target, and wants 0 for it. */
  readonly acceptIncomplete?: boolean;
  /** Tenants at the same time; 1 unless told. Fetching overlaps, applying shares one core. */
  readonly parallel?: number;
  /** Digests that the live system published, by tenant and sequence: compared on the way. */
  readonly published?: (tenantId: string) => ReadonlyMap<number, PublishedDigests>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** As soon as a tenant is done with, well or not. */
  readonly onOutcome?: (outcome: Outcome) => void;
}

export type Outcome =
  | { readonly kind: 'restored'; readonly tenantId: string; readonly report: RestoreReport }
  | { readonly kind: 'failed'; readonly tenantId: string; readonly error: unknown };

export interface JobResult {
  readonly outcomes: readonly Outcome[];
  readonly exitCode: ExitCode;
}

/**
 * Restores tenants, a few at the same time: one's failure does not keep the others from being tried. An abort ends it; tenants that were not begun have no outcome. The
 * outcomes are in the order of the tenants.
 */
export async function restoreAll(job: RestoreJob): Promise<JobResult> {
  const { tenantIds, parallel = 1, acceptIncomplete = false } = job;
  const found = await eachBounded(tenantIds, parallel, job.signal, async (tenantId) => {
    const outcome = await restoreOne(job, tenantId);
    job.onOutcome?.(outcome);
    return outcome;
  });
  const outcomes = found.filter((outcome) => outcome !== undefined);
  const codes = outcomes.map((outcome) => exitCodeOfOutcome(outcome, { acceptIncomplete }));
  // Whoever stops it has not had what was asked for, even where every tenant that was begun was finished.
  const stopped = outcomes.length < tenantIds.length ? [exitCodes.failed] : [];
  return { outcomes, exitCode: gravest([...codes, ...stopped]) };
}

async function restoreOne(job: RestoreJob, tenantId: string): Promise<Outcome> {
  const { places, target, clock, rng, outputDir, force, delta, signal, onProgress } = job;
  const published = job.published?.(tenantId);
  const meter = createProgressMeter(tenantId, clock);
  try {
    const log = places.logOf(tenantId);
    const report = await restoreTenant({
      store: places.store,
      clock,
      rng,
      tenantId,
      target,
      outputDir,
      from: startOf(job, tenantId),
      short: job.archiveOnly === true ? 'accept' : 'refuse',
      ...(log && { log }),
      ...(published && { published }),
      ...(force !== undefined && { force }),
      ...(delta !== undefined && { delta }),
      ...(signal && { signal }),
      ...(onProgress && { onProgress: (progress) => onProgress(meter(progress)) }),
    });
    return { kind: 'restored', tenantId, report };
  } catch (error) {
    return { kind: 'failed', tenantId, error };
  }
}

/** The dry run: what would be done, without touching a file. Throws what keeps it from being done. */
export async function planOne(
  job: Pick<RestoreJob, 'places' | 'clock' | 'target' | 'start' | 'archiveOnly' | 'outputDir'>,
  tenantId: string,
): Promise<Extract<Planning, { readonly kind: 'plan' }>['plan']> {
  const log = job.places.logOf(tenantId);
  const { planning } = await planFor({
    store: job.places.store,
    clock: job.clock,
    tenantId,
    target: job.target,
    from: startOf(job, tenantId),
    short: job.archiveOnly === true ? 'accept' : 'refuse',
    ...(log && { log }),
  });
  if (planning.kind === 'plan') return planning.plan;
  if (planning.kind === 'refused') throw refusalError(tenantId, planning.refusal);
  throw new EntError('INTERNAL', 'a key was looked for and the plan was not made', { tenantId });
}

function startOf(
  { start = { kind: 'best' }, outputDir }: Pick<RestoreJob, 'start' | 'outputDir'>,
  tenantId: string,
): PlanStart {
  if (start.kind !== 'folder') return start;
  const { position } = factsOfFiles(join(outputDir, tenantId), tenantId);
  const { sequence, offset, logTimeUs } = position;
  // Further on is no fault: what the files have already is not applied again.
  if (offset < start.fromPosition)
    throw new EntError(
      'INVALID_TARGET',
      `the files stand at offset ${offset}, before ${start.fromPosition}: the records between would be missing`,
      { tenantId, field: 'from_position', hint: `replay from position ${offset}` },
    );
  return { kind: 'folder', at: { sequence, offset, timeMs: logTimeUs / 1000 } };
}

/** What became of one tenant, for scripts. */
export function exitCodeOfOutcome(
  outcome: Outcome,
  { acceptIncomplete }: { readonly acceptIncomplete: boolean },
): ExitCode {
  if (outcome.kind === 'failed') return exitCodeOf(outcome.error);
  const { complete, passedOver } = outcome.report;
  return (complete || acceptIncomplete) && passedOver.length === 0
    ? exitCodes.ok
    : exitCodes.doubtful;
}
