import { invariant } from '@entdb/base';
import { behindFrom, type KnownTenant, type TenantFileState } from './known-tenant.ts';
import { type ShardFile } from './shard-file.ts';

/** A tenant as this process knows it. */
export interface Tenant extends KnownTenant {
  /** Whether its files were open in this process already: from then on they may not be missing. */
  readonly opened: boolean;
  /** How far it has been fed while it is behind: the next offset that it must be given. */
  readonly fedTo: number;
}

export interface TenantStateChange {
  readonly tenantId: string;
  readonly partition: number;
  readonly state: TenantFileState;
}

/** What becomes of a tenant. */
export interface TenantChange {
  readonly tenantId: string;
  readonly state: TenantFileState;
  readonly syncedOffset: number;
}

/** The tenants of a shard and their states. On disk first: what is not there has not happened. */
export interface Roster {
  get(tenantId: string): Tenant;
  has(tenantId: string): boolean;
  all(): readonly Tenant[];
  /** Tenants whose first record has come. */
  learn(partition: number, firstOffsets: ReadonlyMap<string, number>): void;
  /** Tenants in their new states, tenants that are known from elsewhere, and where partitions go on: all or nothing. */
  change(
    changes: readonly TenantChange[],
    more?: {
      readonly expected?: readonly KnownTenant[];
      readonly checkpoints?: ReadonlyMap<number, number>;
    },
  ): void;
  opened(tenantId: string): void;
  fed(tenantId: string, to: number): void;
  /** Its files survive up to the offset: kept in memory until `saveSynced`. */
  synced(tenantId: string, offset: number): void;
  /** How far files are synced, of tenants that are active, and where partitions go on after a crash. */
  saveSynced(checkpoints: ReadonlyMap<number, number>): void;
  /** Changes that were not told yet: a call that throws half-way must not swallow those it made before. */
  takeUntold(): readonly TenantStateChange[];
}

export function createRoster(
  file: Pick<ShardFile, 'tenants' | 'save'>,
  owned: readonly number[],
): Roster {
  const tenants = new Map<string, Tenant>();
  const untold: TenantStateChange[] = [];
  const synced = new Map<string, number>();

  const put = (known: KnownTenant, opened = false): void => {
    const fedTo = known.state.kind === 'active' ? 0 : known.state.fromOffset;
    tenants.set(known.tenantId, { ...known, opened, fedTo });
  };
  for (const tenant of file.tenants) {
    // What stopped a tenant may be mended by now: a newer program, a repaired log.
    const { state } = tenant;
    const now = state.kind === 'quarantined' ? behindFrom(state.fromOffset) : state;
    if (owned.includes(tenant.partition)) put({ ...tenant, state: now });
  }

  const get = (tenantId: string): Tenant => {
    const tenant = tenants.get(tenantId);
    invariant(tenant, `tenant ${tenantId} is known`);
    return tenant;
  };

  return {
    get,
    has: (tenantId) => tenants.has(tenantId),
    all: () => [...tenants.values()],
    learn(partition, firstOffsets) {
      const fresh = [...firstOffsets]
        .filter(([tenantId]) => !tenants.has(tenantId))
        .map(([tenantId, firstOffset]): KnownTenant => ({
          tenantId,
          partition,
          firstOffset,
          state: { kind: 'active' },
          syncedOffset: -1,
        }));
      if (fresh.length === 0) return;
      file.save(fresh);
      for (const tenant of fresh) put(tenant);
    },
    change(changes, { expected = [], checkpoints } = {}) {
      const changed = changes.map((change): KnownTenant => ({
        ...known(get(change.tenantId)),
        ...change,
      }));
      const all = [...changed, ...expected];
      file.save(all, checkpoints);
      for (const tenant of all) {
        const { tenantId, partition, state } = tenant;
        put(tenant, state.kind === 'active');
        synced.delete(tenantId);
        untold.push({ tenantId, partition, state });
      }
    },
    opened(tenantId) {
      tenants.set(tenantId, { ...get(tenantId), opened: true });
    },
    fed(tenantId, to) {
      tenants.set(tenantId, { ...get(tenantId), fedTo: to });
    },
    synced: (tenantId, offset) => void synced.set(tenantId, offset),
    saveSynced(checkpoints) {
      const active = [...synced].flatMap(([tenantId, syncedOffset]) => {
        const tenant = get(tenantId);
        return tenant.state.kind === 'active' ? [{ ...tenant, syncedOffset }] : [];
      });
      file.save(active, checkpoints);
      for (const tenant of active) tenants.set(tenant.tenantId, tenant);
      synced.clear();
    },
    takeUntold: () => untold.splice(0),
  };
}

function known({ tenantId, partition, firstOffset, state, syncedOffset }: Tenant): KnownTenant {
  return { tenantId, partition, firstOffset, state, syncedOffset };
}
