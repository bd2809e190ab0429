import { parseSnapshotId } from '@entdb/archive-format';
import { parseTenantId } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';

/**
 * Protected snapshots: `keeps/<tenant>/<snapshot id>` is there as long as retention must leave that snapshot alone, however old. It keeps the snapshot itself, which
 * can be restored as it is; the segments after it go their way.
 */
const prefixOf = (tenantId: string): string => `keeps/${parseTenantId(tenantId)}/`;

export async function keepSnapshot(
  store: ObjectStore,
  tenantId: string,
  id: string,
  reason: string,
): Promise<void> {
  parseSnapshotId(id);
  const body = Buffer.from(`${JSON.stringify({ tenant_id: tenantId, snapshot_id: id, reason })}\n`);
  await store.create(prefixOf(tenantId) + id, body);
}

export async function releaseSnapshot(
  store: ObjectStore,
  tenantId: string,
  id: string,
): Promise<void> {
  parseSnapshotId(id);
  await store.remove([prefixOf(tenantId) + id]);
}

/** The ids of a tenant's protected snapshots. */
export async function keptSnapshots(
  store: ObjectStore,
  tenantId: string,
  call: { readonly signal?: AbortSignal } = {},
): Promise<ReadonlySet<string>> {
  const prefix = prefixOf(tenantId);
  const ids = new Set<string>();
  for await (const { key } of store.list({ prefix, ...call })) ids.add(key.slice(prefix.length));
  return ids;
}
