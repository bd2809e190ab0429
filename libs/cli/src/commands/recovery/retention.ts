import { EntError, parseTenantId } from '@entdb/base';
import { parseSettings, type Env } from '@entdb/config';
import {
  exitCodeOf,
  exitCodes,
  gravest,
  retentionSettings,
  whatStays,
  type ExitCode,
  type Stay,
} from '@entdb/restore';
import {
  applyRetention,
  keptSnapshots,
  listArchivedTenants,
  listRestorePoints,
  loadCatalog,
  planRetention,
  type RetentionPlan,
} from '@entdb/snapshot';
import { errorJson, reportError } from '../../ui/report-error.ts';
import { withPlaces, type Recovery, type Surroundings } from './recovery.ts';
import { isoOf } from './tell.ts';

export interface RetentionFlags {
  readonly mode: 'plan' | 'apply';
  /** Empty for all tenants that the store has anything of. */
  readonly tenantIds: readonly string[];
  readonly retentionDays: string | undefined;
}

type Result =
  | { readonly kind: 'planned'; readonly plan: RetentionPlan; readonly stays: readonly Stay[] }
  | { readonly kind: 'removed'; readonly plan: RetentionPlan }
  | { readonly kind: 'busy'; readonly tenantId: string }
  | { readonly kind: 'failed'; readonly tenantId: string; readonly error: unknown };

/** `entdb retention plan|apply`: tenant by tenant; what keeps one from it does not keep the others. */
export async function retention(
  flags: RetentionFlags,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { output, json, signal, env } = surroundings;
  const { mode } = flags;
  const retentionDays = daysOf(flags.retentionDays, env);
  return withPlaces(surroundings, { archiveOnly: true }, async (recovery) => {
    const tenantIds =
      flags.tenantIds.length > 0
        ? [...new Set(flags.tenantIds.map((id) => parseTenantId(id)))]
        : await listArchivedTenants(recovery.places.store, { signal });
    const results: Result[] = [];
    for (const tenantId of tenantIds) {
      signal.throwIfAborted();
      const result = await one(mode, tenantId, retentionDays, recovery, signal);
      results.push(result);
      if (!json) tell(result, surroundings);
    }
    const plans = results.flatMap((result) => ('plan' in result ? [result.plan] : []));
    const objects = plans.reduce((sum, plan) => sum + plan.objects.length, 0);
    const bytes = plans.reduce((sum, plan) => sum + plan.bytes, 0);
    if (json)
      output.json({
        mode,
        retentionDays,
        tenants: results.length,
        objects,
        bytes,
        results: results.map(jsonOf),
      });
    else
      output.line(
        `retention of ${retentionDays} days: tenants ${results.length}, ${mode === 'plan' ? 'would remove' : 'removed'} ${objects} objects, ${bytes} bytes`,
      );
    return gravest(results.map(codeOf));
  });
}

async function one(
  mode: RetentionFlags['mode'],
  tenantId: string,
  retentionDays: number,
  { places: { store }, clock, rng }: Recovery,
  signal: AbortSignal,
): Promise<Result> {
  try {
    if (mode === 'apply') {
      const request = { store, clock, rng, tenantId, retentionDays, signal };
      const outcome = await applyRetention(request);
      return outcome.kind === 'busy' ? { kind: 'busy', tenantId } : { ...outcome, kind: 'removed' };
    }
    const kept = await keptSnapshots(store, tenantId, { signal });
    const catalog = await loadCatalog(store, tenantId, { signal });
    const { history } = catalog;
    if (history.segments.length + history.snapshots.length + history.damaged.length === 0)
      throw new EntError(
        'NOTHING_ARCHIVED',
        `the object store holds nothing of tenant ${tenantId}`,
        { tenantId, hint: 'check the tenant id, the bucket and its prefix' },
      );
    const { points: restorePoints } = await listRestorePoints(store, tenantId, { signal });
    const nowMs = clock.now();
    const plan = planRetention(catalog, { nowMs, retentionDays, kept, restorePoints });
    const stays = whatStays(history, plan, restorePoints);
    return { kind: 'planned', plan, stays };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'failed', tenantId, error };
  }
}

/** The flag goes before the setting, which the snapshotter reads as well. */
function daysOf(flag: string | undefined, env: Env): number {
  const { retentionDays } = parseSettings(retentionSettings, {
    ...env,
    ...(flag !== undefined && { ENTDB_RETENTION_DAYS: flag }),
  });
  return retentionDays;
}

function codeOf(result: Result): ExitCode {
  switch (result.kind) {
    case 'failed':
      return exitCodeOf(result.error);
    case 'busy':
      return exitCodes.refused;
    default:
      // Held: the chain that retention would have to leave whole is not.
      return result.plan.held === null ? exitCodes.ok : exitCodes.damaged;
  }
}

function jsonOf(result: Result): unknown {
  if (result.kind === 'failed')
    return { kind: result.kind, tenantId: result.tenantId, error: errorJson(result.error) };
  return result;
}

function tell(result: Result, { output }: Surroundings): void {
  if (result.kind === 'failed') {
    reportError(result.error, output);
    return;
  }
  if (result.kind === 'busy') {
    output.note(
      `${result.tenantId}: a restore is reading its objects: run it again when that is done`,
    );
    return;
  }
  const { plan } = result;
  const { tenantId, boundaryMs, snapshots, segments, objects, bytes, held } = plan;
  output.line(`${tenantId}: every time since ${isoOf(boundaryMs)} stays restorable`);
  const goes = result.kind === 'planned' ? 'goes' : 'gone';
  for (const id of snapshots) output.line(`  ${goes.padEnd(8)}${id}`);
  if (segments.length > 0)
    output.line(
      `  ${goes.padEnd(8)}${segments.length} segments, ${segments[0]} to ${segments.at(-1)}`,
    );
  for (const sequence of plan.restorePoints)
    output.line(`  ${goes.padEnd(8)}the restore point of record ${sequence}`);
  if (objects.length > 0)
    output.line(`  ${goes.padEnd(8)}${objects.length} objects, ${bytes} bytes in all`);
  if (result.kind === 'planned')
    for (const { what, why } of result.stays) output.line(`  stays   ${what}: ${why}`);
  if (held !== null)
    output.note(
      `${tenantId}: nothing was removed: ${held}; run: entdb verify --tenant-id ${tenantId}`,
    );
}
