import { parseTenantId } from '@entdb/base';
import { readPublishedDigests, type DigestLedger } from '@entdb/fleet';
import {
  drawSample,
  exitCodeOf,
  exitCodes,
  gravest,
  parseSample,
  seedOfDay,
  verificationCost,
  verifyOne,
  type ExitCode,
  type Verification,
} from '@entdb/restore';
import { listArchivedTenants, type VerifyLevel } from '@entdb/snapshot';
import { errorJson, reportError } from '../../ui/report-error.ts';
import { withPlaces, type Recovery, type Surroundings } from './recovery.ts';

export interface VerifyFlags {
  readonly level: VerifyLevel;
  /** Empty for all tenants that the store has anything of. */
  readonly tenantIds: readonly string[];
  readonly sample?: string;
  readonly seed?: string;
  readonly archiveOnly: boolean;
  readonly dryRun: boolean;
}

type Result = Verification | { readonly tenantId: string; readonly error: unknown };

/**
 * `entdb verify`: what it will cost, a line for each finding, and one for all in the end. 4 where something was found, 3 where there was nothing to look at, 1 where a
 * tenant could not be looked at.
 */
export async function verify(flags: VerifyFlags, surroundings: Surroundings): Promise<ExitCode> {
  const { output, json, signal } = surroundings;
  const { level } = flags;
  // Digests are compared by a trial restore; for the other levels the log is not asked.
  const archiveOnly = flags.archiveOnly || level !== 'restore' || flags.dryRun;
  return withPlaces(surroundings, { archiveOnly }, async (recovery) => {
    const { places, clock } = recovery;
    const beganMs = clock.monotonic();
    const { words, ...drawn } = await draw(flags, recovery, signal);
    const cost = await verificationCost(places.store, drawn.tenantIds, level, signal);
    output.note(`verify ${level}: ${words}: ${cost.sentence}, about ${cost.estimateSeconds} s`);
    if (flags.dryRun) {
      if (json) output.json({ level, ...drawn, cost });
      return drawn.tenantIds.length === 0 ? nothingThere(surroundings) : exitCodes.ok;
    }
    const wanted = new Set(drawn.tenantIds);
    const ledger = places.wal && (await readPublishedDigests(places.wal, wanted, { signal }));
    const results: Result[] = [];
    for (const tenantId of drawn.tenantIds) {
      signal.throwIfAborted();
      const result = await one(tenantId, level, recovery, ledger, signal);
      results.push(result);
      if (!json) tell(result, surroundings);
    }
    const summary = summaryOf(results, level, (clock.monotonic() - beganMs) / 1000);
    if (json) output.json({ ...summary, ...drawn, cost, reports: results.map(jsonOf) });
    else output.line(lineOf(summary, ledger !== undefined));
    if (results.every(isEmpty)) return nothingThere(surroundings);
    return gravest(results.map(codeOf));
  });
}

function nothingThere({ output }: Surroundings): ExitCode {
  output.note('NOTHING_ARCHIVED: there was nothing to verify; check the bucket and its prefix');
  return exitCodes.refused;
}

interface Drawn {
  readonly tenantIds: readonly string[];
  readonly of: number;
  readonly sample: string | null;
  readonly seed: string | null;
  readonly words: string;
}

async function draw(flags: VerifyFlags, { places, clock }: Recovery, signal: AbortSignal) {
  const size = flags.sample === undefined ? undefined : parseSample(flags.sample);
  const all =
    flags.tenantIds.length > 0
      ? [...new Set(flags.tenantIds.map((id) => parseTenantId(id)))]
      : await listArchivedTenants(places.store, { signal });
  if (!size)
    return {
      tenantIds: all,
      of: all.length,
      sample: null,
      seed: null,
      words: `tenants ${all.length}`,
    } satisfies Drawn;
  const seed = flags.seed ?? seedOfDay(clock.now());
  const tenantIds = drawSample(all, size, seed);
  const words = `tenants ${tenantIds.length} of ${all.length} (sample ${flags.sample}, seed ${seed})`;
  return { tenantIds, of: all.length, sample: flags.sample ?? null, seed, words } satisfies Drawn;
}

async function one(
  tenantId: string,
  level: VerifyLevel,
  { places, clock, rng }: Recovery,
  ledger: DigestLedger | undefined,
  signal: AbortSignal,
): Promise<Result> {
  try {
    const { store } = places;
    return await verifyOne({
      store,
      clock,
      rng,
      tenantId,
      level,
      signal,
      ...(ledger && { ledger }),
    });
  } catch (error) {
    signal.throwIfAborted();
    return { tenantId, error };
  }
}

const isEmpty = (result: Result): boolean =>
  'report' in result && result.report.windows.length === 0 && result.report.findings.length === 0;

function codeOf(result: Result): ExitCode {
  if ('error' in result) return exitCodeOf(result.error);
  return result.report.ok ? exitCodes.ok : exitCodes.damaged;
}

const jsonOf = (result: Result): unknown =>
  'error' in result
    ? { tenantId: result.tenantId, error: errorJson(result.error) }
    : { ...result.report, compared: result.compared, published: result.published };

function tell(result: Result, { output }: Surroundings): void {
  if ('error' in result) {
    reportError(result.error, output);
    return;
  }
  const { compared, published, report } = result;
  const { tenantId, findings, notes, restored } = report;
  for (const { object, code, message } of findings)
    output.line(`${tenantId}: ${code}: ${object}: ${message}`);
  for (const note of notes) output.note(`${tenantId}: ${note}`);
  if (restored)
    output.line(
      `${tenantId}: restored to record ${restored.reached.sequence} at offset ${restored.reached.offset}, digest ${restored.digests.canonical}`,
    );
  if (published > 0)
    output.note(
      `${tenantId}: compared with ${compared} of ${published} digests that appliers published`,
    );
}

interface Summary {
  readonly level: VerifyLevel;
  readonly tenants: number;
  readonly damagedTenants: number;
  readonly failedTenants: number;
  readonly findings: number;
  readonly objects: number;
  readonly bytes: number;
  readonly compared: number;
  readonly seconds: number;
}

function summaryOf(results: readonly Result[], level: VerifyLevel, seconds: number): Summary {
  const done = results.flatMap((result) => ('report' in result ? [result] : []));
  const sum = (of: (verification: Verification) => number) =>
    done.reduce((total, verification) => total + of(verification), 0);
  return {
    level,
    tenants: results.length,
    damagedTenants: done.filter(({ report }) => !report.ok).length,
    failedTenants: results.length - done.length,
    findings: sum(({ report }) => report.findings.length),
    objects: sum(({ report }) => report.cost.objects),
    bytes: sum(({ report }) => report.cost.bytes),
    compared: sum(({ compared }) => compared),
    seconds: Math.round(seconds * 10) / 10,
  };
}

function lineOf(summary: Summary, hasLedger: boolean): string {
  const { level, tenants, damagedTenants, failedTenants, findings, objects, bytes, seconds } =
    summary;
  const failed = failedTenants > 0 ? `, not looked at ${failedTenants}` : '';
  const compared =
    level !== 'restore'
      ? ''
      : hasLedger
        ? `; ${summary.compared} published digests compared`
        : '; no published digests at hand';
  return `verify ${level}: tenants ${tenants}, sound ${tenants - damagedTenants - failedTenants}, damaged ${damagedTenants}${failed}, findings ${findings}; read ${objects} objects, ${bytes} bytes, in ${seconds} s${compared}`;
}
