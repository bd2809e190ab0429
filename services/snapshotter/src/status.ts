import type { SnapshotterStatus } from '@entdb/contracts';
import { overdue, type Rules } from './schedule.ts';
import { standsStill, type TenantView } from './tenant.ts';

export interface SnapshotterView {
  readonly enabled: boolean;
  readonly tenants: readonly TenantView[];
  readonly rules: Rules;
  /** Why nothing can be read or written at present. */
  readonly trouble: string | undefined;
  readonly lastSuccessMs: number;
}

/** Names in one status record: enough to see what is wrong, and never more than a record may hold. */
const stoppedNamesMax = 100;
const reasonMax = 1_000;

export function statusOf(view: SnapshotterView, nowMs: number): SnapshotterStatus {
  const { enabled, tenants, rules, trouble, lastSuccessMs } = view;
  const stopped = tenants.filter(standsStill);
  const sinceMs = tenants.flatMap(({ waiting }) => (waiting ? [waiting.sinceMs] : []));
  return {
    $typeName: 'entdb.v1.SnapshotterStatus',
    enabled,
    tenants: BigInt(tenants.length),
    due: BigInt(tenants.filter(({ waiting }) => overdue(waiting, rules, nowMs) >= 1).length),
    stopped: stopped.slice(0, stoppedNamesMax).map(({ tenantId, fault }) => ({
      $typeName: 'entdb.v1.StoppedSnapshot',
      tenantId,
      code: fault?.code ?? 'SNAPSHOT_DIGEST_MISMATCH', // a doubt outlives another fault
      reason: fault?.message.slice(0, reasonMax) ?? '',
    })),
    stoppedTenants: BigInt(stopped.length),
    trouble: trouble ?? '',
    lastSuccessUs: micros(lastSuccessMs),
    oldestWaitingUs: micros(sinceMs.reduce((oldest, ms) => Math.min(oldest, ms), Infinity)),
  };
}

const micros = (ms: number): bigint => (Number.isFinite(ms) ? BigInt(Math.round(ms * 1000)) : 0n);
