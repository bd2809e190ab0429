import type { KnownTenant, TenantFileState, TenantStateChange } from '@entdb/tenant-store';

/** The tenants of this applier as the event loop knows them, and who waits for one to change. */
export interface Tenants {
  has(tenantId: string): boolean;
  /** `active` for all that are not known to be otherwise. */
  state(tenantId: string): TenantFileState;
  /** Its files hold at least this offset, as far as known; -1 where nothing is. A read that begins now and sees less has seen other files. */
  heldOffset(tenantId: string): number;
  /** A tenant's records were committed: it exists, and whoever waits for it is woken. */
  touch(tenantId: string, offset: number): void;
  change(change: TenantStateChange): void;
  /** Resolves at the tenant's next change; rejects with the signal's reason. */
  changed(tenantId: string, signal: AbortSignal): Promise<void>;
  /** Ids after the given one, in order. */
  page(afterId: string, size: number): readonly string[];
  readonly size: number;
  /** Those that stand still or are being caught up. */
  troubled(): ReadonlyMap<string, TenantStateChange>;
}

const active: TenantFileState = { kind: 'active' };

export function createTenants(known: readonly KnownTenant[]): Tenants {
  const heldOffsets = new Map<string, number>();
  const troubled = new Map<string, TenantStateChange>();
  const waiting = new Map<string, Set<() => void>>();
  let sorted: readonly string[] | undefined;

  const hold = (tenantId: string, offset: number) => {
    const held = heldOffsets.get(tenantId);
    if (held === undefined) sorted = undefined;
    if (held === undefined || offset > held) heldOffsets.set(tenantId, offset);
  };
  for (const { tenantId, partition, state, syncedOffset } of known) {
    hold(tenantId, syncedOffset);
    if (state.kind !== 'active') troubled.set(tenantId, { tenantId, partition, state });
  }
  const wake = (tenantId: string) => {
    for (const resolve of waiting.get(tenantId) ?? []) resolve();
  };
  return {
    has: (tenantId) => heldOffsets.has(tenantId),
    state: (tenantId) => troubled.get(tenantId)?.state ?? active,
    heldOffset: (tenantId) => heldOffsets.get(tenantId) ?? -1,
    touch(tenantId, offset) {
      hold(tenantId, offset);
      wake(tenantId);
    },
    change(change) {
      const { tenantId, state } = change;
      hold(tenantId, -1);
      if (state.kind === 'active') troubled.delete(tenantId);
      else troubled.set(tenantId, change);
      wake(tenantId);
    },
    changed: (tenantId, signal) =>
      new Promise<void>((resolve, reject) => {
        const own = waiting.get(tenantId) ?? new Set();
        const done = () => {
          own.delete(onChange);
          if (own.size === 0) waiting.delete(tenantId);
          signal.removeEventListener('abort', onAbort);
        };
        const onChange = () => {
          done();
          resolve();
        };
        const onAbort = () => {
          done();
          reject(signal.reason as Error); // the kit aborts with an EntError
        };
        if (signal.aborted) return onAbort();
        own.add(onChange);
        waiting.set(tenantId, own);
        signal.addEventListener('abort', onAbort, { once: true });
      }),
    page(afterId, size) {
      sorted ??= [...heldOffsets.keys()].sort();
      const from = firstAfter(sorted, afterId);
      return sorted.slice(from, from + size);
    },
    get size() {
      return heldOffsets.size;
    },
    troubled: () => troubled,
  };
}

/** The index of the first id that comes after the given one, by halving. */
function firstAfter(sorted: readonly string[], id: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! > id) high = middle;
    else low = middle + 1;
  }
  return low;
}
