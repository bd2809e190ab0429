import type { Outcome } from '@entdb/restore';
import type { RestorePlan, RestoreReport } from '@entdb/snapshot';

type Reused = NonNullable<RestoreReport['reused']>;
import type { Output } from '../../ui/output.ts';
import { errorJson, reportError } from '../../ui/report-error.ts';

export const isoOf = (timeMs: number): string => new Date(timeMs).toISOString();

/** A restored tenant, for people. The same facts are in report.json. */
export function tellReport(report: RestoreReport, directory: string, output: Output): void {
  const { tenantId, reached, epoch, records, digests, plan } = report;
  const base = plan.base.kind === 'snapshot' ? plan.base.id : plan.base.kind;
  output.line(`restored ${tenantId}`);
  const rows: readonly (readonly [string, string])[] = [
    ['into', directory],
    ['position', `${reached.offset}`],
    ['sequence', `${reached.sequence}`],
    ['time', isoOf(reached.timeMs)],
    ['epoch', `${epoch}`],
    ['records', `${records}`],
    ['canonical.db', `digest ${digests.canonical}`],
    ['mailbox.db', `digest ${digests.mailbox}`],
    [
      'from',
      `${base}, ${plan.segments.length} segments, the log: ${plan.tail.kind === 'log' ? 'yes' : 'no'}`,
    ],
  ];
  for (const [name, value] of rows) output.line(`  ${name.padEnd(13)}${value}`);
  if (report.reused) output.line(`  reused       ${reusedWords(report.reused)}`);
  if (!report.complete)
    output.line(
      `  doubt        the archive ends at offset ${reached.offset}; later records may belong to the target, and the log was not asked`,
    );
  for (const { object, code, reason } of report.passedOver)
    output.line(`  passed over  ${object}: ${code}: ${reason}`);
}

function reusedWords({ base, files, bytesSaved, unusable }: Reused): string {
  if (base)
    return `the files that were there, at record ${base.sequence}; ${bytesSaved} bytes less to fetch`;
  if (files.length > 0) return `${files.join(', ')}; ${bytesSaved} bytes less to fetch`;
  return `nothing: ${unusable ?? 'what was there is older than the way that was taken'}`;
}

export function tellPlan(plan: RestorePlan, output: Output): void {
  const { tenantId, base, segments, tail, objects, bytes, records, estimateSeconds } = plan;
  output.line(`plan for ${tenantId}`);
  const rows: readonly (readonly [string, string])[] = [
    ['begin with', base.kind === 'snapshot' ? base.id : base.kind],
    [
      'segments',
      `${segments.length}, the log from offset: ${tail.kind === 'log' ? tail.fromOffset : 'not needed'}`,
    ],
    ['reads', `${objects} objects, ${bytes} bytes`],
    ['applies', `up to ${records} records${tail.kind === 'log' ? ', and those of the log' : ''}`],
    ['estimate', `${estimateSeconds} s`],
    ['reaches', plan.reaches === 'target' ? 'the target' : 'the end of the archive'],
  ];
  for (const [name, value] of rows) output.line(`  ${name.padEnd(13)}${value}`);
  for (const { first, last } of plan.windows)
    output.line(
      `  restorable   records ${first.sequence} to ${last.sequence}, offsets ${first.offset} to ${last.offset}, ${isoOf(first.timeMs)} to ${isoOf(last.timeMs)}`,
    );
  for (const { segment, message } of plan.gaps)
    output.line(`  gap          ${segment}: ${message}`);
  for (const { object, reason } of plan.passedOver)
    output.line(`  passed over  ${object}: ${reason}`);
}

/** For programs: what became of each tenant. */
export function jsonOf(outcome: Outcome): unknown {
  if (outcome.kind === 'restored') return outcome.report;
  const { tenantId, error } = outcome;
  return { tenantId, error: errorJson(error) };
}

export function tellOutcome(outcome: Outcome, directory: string, output: Output): void {
  if (outcome.kind === 'restored') tellReport(outcome.report, directory, output);
  else reportError(outcome.error, output);
}
