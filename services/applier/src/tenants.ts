import type { KnownTenant, TenantFileState, TenantStateChange } from '@entdb/tenant-store';

/** The tenants of this applier as the event loop knows them, and who waits for one to change. */
export interface Tenants {
  has(tenantId: string): boolean;
  /** `active` for all that are not known to be otherwise. */
  state(tenantId: string): TenantFileState;
  /** A tenant's records were committed: it exists, and whoever waits for it is woken. */
  touch(tenantId: string): void;
  change(change: TenantStateChange): void;
  /** Resolves at the tenant's next change; rejects with the signal's reason. */
  changed(tenantId: string, signal: AbortSignal): Promise<void>;
  /** Ids after the given one, in order. */
  page(afterId: string, size: number): readonly string[];
  readonly size: number;
  /** Those that stand still or are being caught up. */
  troubled(): ReadonlyMap<string, TenantFileState>;
}

const active: TenantFileState = { kind: 'active' };

export function createTenants(known: readonly KnownTenant[]): Tenants {
  const ids = new Set<string>();
  const troubled = new Map<string, TenantFileState>();
  const waiting = new Map<string, Set<() => void>>();
  let sorted: readonly string[] | undefined;

  const add = (tenantId: string) => {
    if (ids.has(tenantId)) return;
    ids.add(tenantId);
    sorted = undefined;
  };
  for (const { tenantId, state } of known) {
    add(tenantId);
    if (state.kind !== 'active') troubled.set(tenantId, state);
  }
  const wake = (tenantId: string) => {
    for (const resolve of waiting.get(tenantId) ?? []) resolve();
  };
  return {
    has: (tenantId) => ids.has(tenantId),
    state: (tenantId) => troubled.get(tenantId) ?? active,
    touch(tenantId) {
      add(tenantId);
      wake(tenantId);
    },
    change({ tenantId, state }) {
      add(tenantId);
      if (state.kind === 'active') troubled.delete(tenantId);
      else troubled.set(tenantId, state);
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
      sorted ??= [...ids].sort();
      const from = afterId === '' ? 0 : sorted.findIndex((id) => id > afterId);
      return from < 0 ? [] : sorted.slice(from, from + size);
    },
    get size() {
      return ids.size;
    },
    troubled: () => troubled,
  };
}
