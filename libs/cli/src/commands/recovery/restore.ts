import { join } from 'node:path';
import { parseTenantId } from '@entdb/base';
import {
  describeProgress,
  exitCodeOf,
  gravest,
  parseCount,
  parseTarget,
  planOne,
  publishedOf,
  restoreAll,
  parseParallel,
  type ExitCode,
  type Outcome,
  type RestoreJob,
  type TargetWords,
} from '@entdb/restore';
import type { RestoreTarget } from '@entdb/snapshot';
import { errorJson, reportError } from '../../ui/report-error.ts';
import { withPlaces, type Surroundings } from './recovery.ts';
import { jsonOf, tellOutcome, tellPlan } from './tell.ts';

export interface RestoreFlags {
  readonly tenantId: readonly string[];
  readonly target: TargetWords;
  readonly fromScratch: boolean;
  readonly archiveOnly: boolean;
}

export interface OutputFlags {
  readonly outputDir: string;
  readonly force: boolean;
}

export interface JobFlags {
  readonly delta: boolean;
  readonly acceptIncomplete: boolean;
  readonly parallel: string;
}

/** `entdb restore`: tenants, each to the target, each into a folder of its own. */
export async function restore(
  flags: RestoreFlags & OutputFlags & JobFlags,
  surroundings: Surroundings,
): Promise<ExitCode> {
  return run(surroundings, {
    tenantIds: flags.tenantId,
    target: parseTarget(flags.target),
    outputDir: flags.outputDir,
    start: { kind: flags.fromScratch ? 'scratch' : 'best' },
    force: flags.force,
    archiveOnly: flags.archiveOnly,
    acceptIncomplete: flags.acceptIncomplete,
    delta: flags.delta,
    parallel: parseParallel(flags.parallel),
  });
}

/** `entdb restore from-snapshot`: a snapshot as it is, with nothing applied to it. */
export async function restoreFromSnapshot(
  flags: OutputFlags & { readonly tenantId: string; readonly snapshotId: string },
  surroundings: Surroundings,
): Promise<ExitCode> {
  return run(surroundings, {
    tenantIds: [flags.tenantId],
    target: { kind: 'snapshot', id: flags.snapshotId },
    outputDir: flags.outputDir,
    force: flags.force,
    archiveOnly: true,
  });
}

export interface ReplayFlags {
  readonly tenantId: string;
  readonly fromPosition: string;
  readonly dataDir: string;
  readonly target: TargetWords;
  readonly archiveOnly: boolean;
  readonly acceptIncomplete: boolean;
}

/** `entdb restore replay-archive`: goes on with files that stand at a position, up to the target or the latest record. */
export async function replayArchive(
  flags: ReplayFlags,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { exclusive = false, ...named } = flags.target;
  const isNamed = Object.values(named).some((word) => word !== undefined && word !== false);
  const target: RestoreTarget =
    isNamed || exclusive ? parseTarget(flags.target) : { kind: 'latest' };
  return run(surroundings, {
    tenantIds: [flags.tenantId],
    target,
    outputDir: flags.dataDir,
    start: { kind: 'folder', fromPosition: parseCount('from_position', flags.fromPosition) },
    archiveOnly: flags.archiveOnly,
    acceptIncomplete: flags.acceptIncomplete,
  });
}

type Job = Omit<RestoreJob, 'places' | 'clock' | 'rng' | 'signal' | 'onProgress' | 'onOutcome'>;

/** Progress is worth a line for each phase of a tenant, and one in so many milliseconds. */
const progressEveryMs = 1_000;

async function run(surroundings: Surroundings, job: Job): Promise<ExitCode> {
  const { output, json, signal } = surroundings;
  const tenantIds = [...new Set(job.tenantIds.map((id) => parseTenantId(id)))];
  return withPlaces(surroundings, { archiveOnly: job.archiveOnly === true }, async (recovery) => {
    const { places, clock, rng } = recovery;
    const toldMs = new Map<string, number>();
    const ledger = await publishedOf(places, tenantIds, { clock, signal });
    const { outcomes, exitCode } = await restoreAll({
      ...job,
      ...(ledger && { published: (tenantId) => ledger.of(tenantId) }),
      tenantIds,
      places,
      clock,
      rng,
      signal,
      onProgress: (progress) => {
        if (progress.state === 'begun') return;
        const nowMs = clock.monotonic();
        const since = nowMs - (toldMs.get(progress.tenantId) ?? -Infinity);
        if (progress.state === 'under way' && since < progressEveryMs) return;
        toldMs.set(progress.tenantId, nowMs);
        output.note(describeProgress(progress));
      },
      onOutcome: (outcome) => {
        if (json && outcome.kind === 'restored') return;
        tellOutcome(outcome, join(job.outputDir, outcome.tenantId), output);
      },
    });
    if (json) output.json(tenantIds.length === 1 ? jsonOf(outcomes[0]!) : outcomes.map(jsonOf));
    if (tenantIds.length > 1) output.note(summaryOf(outcomes, tenantIds.length));
    if (outcomes.some((outcome) => outcome.kind === 'restored' && !outcome.report.complete))
      output.note(
        job.acceptIncomplete === true
          ? 'incomplete, and accepted: the archive ends before it is known that nothing more belongs to the target'
          : 'exit code 5: the archive ends before it is known that nothing more belongs to the target; make the log available, or say --accept-incomplete',
      );
    return exitCode;
  });
}

const summaryOf = (outcomes: readonly Outcome[], tenants: number): string => {
  const restored = outcomes.filter(({ kind }) => kind === 'restored').length;
  return `restored ${restored} of ${tenants} tenants, failed ${outcomes.length - restored}, not begun ${tenants - outcomes.length}`;
};

/** `entdb restore plan`: what would be done. Reads names and small objects only, unless a key is looked for. */
export async function plan(flags: RestoreFlags, surroundings: Surroundings): Promise<ExitCode> {
  const { output, json } = surroundings;
  const target = parseTarget(flags.target);
  const start = { kind: flags.fromScratch ? 'scratch' : 'best' } as const;
  const { archiveOnly } = flags;
  return withPlaces(surroundings, { archiveOnly }, async ({ places, clock }) => {
    const codes: ExitCode[] = [];
    const found: unknown[] = [];
    for (const tenantId of new Set(flags.tenantId)) {
      try {
        const job = { places, clock, target, start, archiveOnly, outputDir: '' };
        const planned = await planOne(job, parseTenantId(tenantId));
        found.push(planned);
        if (!json) tellPlan(planned, output);
      } catch (error) {
        found.push({ tenantId, error: errorJson(error) });
        reportError(error, output);
        codes.push(exitCodeOf(error));
      }
    }
    if (json) output.json(found.length === 1 ? found[0] : found);
    return gravest(codes);
  });
}
