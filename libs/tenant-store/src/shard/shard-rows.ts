import { createHash } from 'node:crypto';
import { EntError } from '@entdb/base';
import { behindFrom, type KnownTenant, type TenantFileState } from './known-tenant.ts';

/** A row of `tenants` in shard.db. */
export interface TenantRow {
  readonly tenant_id: string;
  readonly partition: number;
  readonly first_offset: number;
  readonly state: TenantFileState['kind'];
  readonly from_offset: number;
  readonly code: string;
  readonly reason: string;
  readonly synced_offset: number;
  /** Of the record to be adopted; empty where there is none. */
  readonly adopts: Buffer;
  readonly adopts_time_ms: number;
  readonly hash: string;
}

export type Values = readonly (string | number | Uint8Array)[];

/** Against damage: a checkpoint that is too high would pass over records without a word. */
export function hashOf(values: Values): string {
  const texts = values.map((value) =>
    typeof value === 'object' ? Buffer.from(value).toString('base64') : value,
  );
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 32);
}

export function assertHash(path: string, hash: string, values: Values): void {
  if (hash === hashOf(values)) return;
  throw new EntError('STORE_CORRUPT', `a row of ${path} does not match its checksum`);
}

export function tenantValues({
  tenantId,
  partition,
  firstOffset,
  state,
  syncedOffset,
}: KnownTenant) {
  const fromOffset = state.kind === 'active' ? 0 : state.fromOffset;
  const { code, reason } = state.kind === 'quarantined' ? state : { code: '', reason: '' };
  const adopts =
    state.kind === 'behind' && state.needs.kind === 'adoption' ? state.needs.record : undefined;
  return [
    tenantId,
    partition,
    firstOffset,
    state.kind,
    fromOffset,
    code,
    reason,
    syncedOffset,
    adopts?.value ?? Buffer.alloc(0),
    adopts?.timeMs ?? 0,
  ] as const;
}

export function tenantFromRow(path: string, row: TenantRow): KnownTenant {
  const tenant: KnownTenant = {
    tenantId: row.tenant_id,
    partition: row.partition,
    firstOffset: row.first_offset,
    state: stateOf(row),
    syncedOffset: row.synced_offset,
  };
  assertHash(path, row.hash, tenantValues(tenant));
  return tenant;
}

function stateOf(row: TenantRow): TenantFileState {
  const { from_offset: fromOffset, code, reason, adopts: value } = row;
  switch (row.state) {
    case 'active':
      return { kind: 'active' };
    case 'behind': {
      if (!Buffer.isBuffer(value) || value.length === 0) return behindFrom(fromOffset);
      const timeMs = row.adopts_time_ms;
      const record = { key: row.tenant_id, offset: fromOffset, timeMs, value };
      return { kind: 'behind', fromOffset, needs: { kind: 'adoption', record } };
    }
    default: // a damaged text does not match the row's checksum
      return { kind: 'quarantined', fromOffset, code, reason };
  }
}
