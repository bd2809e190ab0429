import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, Rng } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { loadCatalog } from './catalog.ts';
import { fetchSnapshot } from './fetch-snapshot.ts';
import { idOf } from './history.ts';
import { keptSnapshots } from './keep.ts';
import { takeLease } from './lease.ts';
import { listRestorePoints } from './restore-point-listing.ts';
import { defaultRetentionDays, planRetention, type RetentionPlan } from './retention-plan.ts';

export interface RetentionRequest {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly tenantId: string;
  readonly retentionDays?: number;
  /** Say what would be removed, and remove nothing. */
  readonly dryRun?: boolean;
  /** Where the base is tried out, in a folder of its own; absent for the system's folder for such things, where a killed process leaves it. */
  readonly workDir?: string;
  readonly signal?: AbortSignal;
}

export type RetentionOutcome =
  | { readonly kind: 'removed' | 'planned'; readonly plan: RetentionPlan }
  /** A restore is running: another time. */
  | { readonly kind: 'busy' };

const removesAtOnce = 500;

/**
 * Removes what retention need not keep of one tenant. The base is fetched and opened first: history is not cut off above a snapshot that cannot be restored
 * (SNAPSHOT_CORRUPT then, and nothing is removed). Cut off anywhere, it goes on with the next call.
 */
export async function applyRetention(request: RetentionRequest): Promise<RetentionOutcome> {
  const { store, clock, tenantId, dryRun = false, workDir = tmpdir(), signal } = request;
  const call = signal ? { signal } : {};
  const planNow = async () => {
    const kept = await keptSnapshots(store, tenantId, call);
    const catalog = await loadCatalog(store, tenantId, call);
    const retentionDays = request.retentionDays ?? defaultRetentionDays;
    const { points } = await listRestorePoints(store, tenantId, call);
    const options = { nowMs: clock.now(), retentionDays, kept, restorePoints: points };
    return { catalog, plan: planRetention(catalog, options) };
  };
  if (dryRun) return { kind: 'planned', plan: (await planNow()).plan };
  const lease = await takeLease({ ...request, purpose: 'retention' });
  if (!lease) return { kind: 'busy' };
  try {
    const { catalog, plan } = await planNow();
    if (plan.objects.length > 0) {
      const base = catalog.history.snapshots.find((snapshot) => idOf(snapshot) === plan.base);
      if (base) await tryOut(store, base, workDir, call);
      for (let i = 0; i < plan.objects.length; i += removesAtOnce)
        await store.remove(plan.objects.slice(i, i + removesAtOnce), call);
    }
    return { kind: 'removed', plan };
  } finally {
    await lease.release();
  }
}

async function tryOut(
  store: ObjectStore,
  base: Parameters<typeof fetchSnapshot>[1],
  workDir: string,
  call: { readonly signal?: AbortSignal },
): Promise<void> {
  const dir = mkdtempSync(join(workDir, '.entdb-retention-'));
  try {
    await fetchSnapshot(store, base, dir, { check: 'structure', ...call });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
