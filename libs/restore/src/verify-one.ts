import type { DigestLedger } from '@entdb/fleet';
import type { ObjectStore } from '@entdb/object-store';
import {
  loadCatalog,
  verifyCost,
  verifyTenant,
  type VerifyLevel,
  type VerifyReport,
  type VerifyRequest,
} from '@entdb/snapshot';
import { eachBounded } from './each-bounded.ts';

/** What was found of one tenant, and how much of the live system's own word it was held against. */
export interface Verification {
  readonly tenantId: string;
  readonly report: VerifyReport;
  /** Digests that appliers published of this tenant. */
  readonly published: number;
  /** Those of them at whose record the trial restore came by. */
  readonly compared: number;
}

export interface VerificationRequest extends Omit<VerifyRequest, 'published'> {
  /** What appliers published, where the log is at hand. */
  readonly ledger?: DigestLedger;
}

/** `verifyTenant`, with what appliers published of the same records. Appliers that contradict each other are a finding too: one of their files is damaged. */
export async function verifyOne({
  ledger,
  ...request
}: VerificationRequest): Promise<Verification> {
  const { tenantId } = request;
  const published = ledger?.of(tenantId) ?? new Map();
  const report = await verifyTenant({ ...request, ...(ledger && { published }) });
  const contradictions = ledger?.contradictions(tenantId) ?? [];
  const findings = [
    ...report.findings,
    ...contradictions.map(({ sequence, said }) => ({
      object: 'entdb-status',
      code: 'STORE_CORRUPT' as const,
      message: `appliers have different files after record ${sequence}: ${said
        .map(
          ({ instance, offset, canonical }) => `${instance} at offset ${offset} has ${canonical}`,
        )
        .join(', ')}`,
    })),
  ];
  return {
    tenantId,
    report: { ...report, findings, ok: findings.length === 0 },
    published: published.size + contradictions.length,
    compared: comparedIn(report, [...published.keys()]),
  };
}

/** The trial begins at the archive's first record, or at the oldest snapshot, whose own digest is held against its manifest. */
function comparedIn({ restored, windows }: VerifyReport, sequences: readonly number[]): number {
  const first = windows[0]?.first.sequence;
  if (!restored || first === undefined) return 0;
  const base = first === 1 ? 0 : first;
  return sequences.filter((n) => n > base && n <= restored.reached.sequence).length;
}

export interface TotalCost {
  readonly objects: number;
  readonly bytes: number;
  /** Of the tenant that needs the most: one is looked at after another. */
  readonly diskBytes: number;
  readonly estimateSeconds: number;
  readonly sentence: string;
}

const catalogsAtOnce = 4;

/** What a level will read of these tenants, from names and small objects. For `present` it is not asked: to ask would be to do it. */
export async function verificationCost(
  store: ObjectStore,
  tenantIds: readonly string[],
  level: VerifyLevel,
  signal?: AbortSignal,
): Promise<TotalCost> {
  if (level === 'present')
    return {
      objects: 0,
      bytes: 0,
      diskBytes: 0,
      estimateSeconds: Math.ceil(tenantIds.length / tenantsPerSecond),
      sentence: 'four listings a tenant, and a kilobyte for each segment and snapshot',
    };
  const found = await eachBounded(tenantIds, catalogsAtOnce, signal, async (tenantId) =>
    verifyCost(await loadCatalog(store, tenantId, signal ? { signal } : {}), level),
  );
  signal?.throwIfAborted();
  const costs = found.filter((cost) => cost !== undefined);
  const sum = (of: (cost: (typeof costs)[number]) => number) =>
    costs.reduce((total, cost) => total + of(cost), 0);
  const objects = sum((cost) => cost.objects);
  const bytes = sum((cost) => cost.bytes);
  const diskBytes = Math.max(0, ...costs.map((cost) => cost.diskBytes));
  const disk = level === 'restore' ? `, and needs up to ${diskBytes} bytes of disk` : '';
  return {
    objects,
    bytes,
    diskBytes,
    estimateSeconds: sum((cost) => cost.estimateSeconds),
    sentence: `reads ${objects} objects, ${bytes} bytes${disk}`,
  };
}

/** Assumed, not measured. */
const tenantsPerSecond = 20;
