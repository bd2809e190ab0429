import { parseTenantId } from '@entdb/base';
import { exitCodes, type ExitCode } from '@entdb/restore';
import {
  listArchivedTenants,
  verifyTenant,
  type VerifyLevel,
  type VerifyReport,
} from '@entdb/snapshot';
import { withPlaces, type Surroundings } from './recovery.ts';

export interface VerifyFlags {
  readonly level: VerifyLevel;
  /** Empty for all tenants that the store has anything of. */
  readonly tenantIds: readonly string[];
}

/** `entdb verify`: a line for each finding, and one for all in the end, with what it cost. 4 where something was found, 3 where there was nothing to look at. */
export async function verify(flags: VerifyFlags, surroundings: Surroundings): Promise<ExitCode> {
  const { output, json, signal } = surroundings;
  const { level } = flags;
  return withPlaces(surroundings, { archiveOnly: true }, async ({ places, clock, rng }) => {
    const { store } = places;
    const beganMs = clock.monotonic();
    const tenantIds =
      flags.tenantIds.length > 0
        ? [...new Set(flags.tenantIds.map((id) => parseTenantId(id)))]
        : await listArchivedTenants(store, { signal });
    const reports: VerifyReport[] = [];
    for (const tenantId of tenantIds) {
      const report = await verifyTenant({ store, clock, rng, tenantId, level, signal });
      reports.push(report);
      if (!json) tell(report, surroundings);
    }
    const summary = summaryOf(reports, level, (clock.monotonic() - beganMs) / 1000);
    if (json) output.json({ ...summary, reports });
    else output.line(lineOf(summary));
    if (reports.every(isEmpty)) {
      output.note('NOTHING_ARCHIVED: there was nothing to verify; check the bucket and its prefix');
      return exitCodes.refused;
    }
    return summary.findings === 0 ? exitCodes.ok : exitCodes.damaged;
  });
}

const isEmpty = ({ windows, findings }: VerifyReport): boolean =>
  windows.length === 0 && findings.length === 0;

function tell(
  { tenantId, findings, notes, restored }: VerifyReport,
  { output }: Surroundings,
): void {
  for (const { object, code, message } of findings)
    output.line(`${tenantId}: ${code}: ${object}: ${message}`);
  for (const note of notes) output.note(`${tenantId}: ${note}`);
  if (restored)
    output.line(
      `${tenantId}: restored to record ${restored.reached.sequence} at offset ${restored.reached.offset}, digest ${restored.digests.canonical}`,
    );
}

interface Summary {
  readonly level: VerifyLevel;
  readonly tenants: number;
  readonly damagedTenants: number;
  readonly findings: number;
  readonly objects: number;
  readonly bytes: number;
  readonly seconds: number;
}

function summaryOf(reports: readonly VerifyReport[], level: VerifyLevel, seconds: number): Summary {
  const sum = (of: (report: VerifyReport) => number) =>
    reports.reduce((total, report) => total + of(report), 0);
  return {
    level,
    tenants: reports.length,
    damagedTenants: reports.filter(({ ok }) => !ok).length,
    findings: sum(({ findings }) => findings.length),
    objects: sum(({ cost }) => cost.objects),
    bytes: sum(({ cost }) => cost.bytes),
    seconds: Math.round(seconds * 10) / 10,
  };
}

function lineOf(summary: Summary): string {
  const { level, tenants, damagedTenants, findings, objects, bytes, seconds } = summary;
  return `verify ${level}: tenants ${tenants}, sound ${tenants - damagedTenants}, damaged ${damagedTenants}, findings ${findings}; read ${objects} objects, ${bytes} bytes, in ${seconds} s`;
}
