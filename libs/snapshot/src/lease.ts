import { EntError, parseTenantId, type Clock, type Rng } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';

/**
 * Who uses a tenant's objects, as objects of their own: `leases/<tenant>/<purpose>_<expiry, ms>_<random>`. Any number of restores share a tenant, retention has it
 * alone. Each first writes its lease and then lists the others'; of two that begin at once at least one sees the other, whatever the order (the store
 * lists what was written). A lease that nobody renews ends by itself, so a killed process holds nothing up for long.
 */
export type LeasePurpose = 'restore' | 'retention';

export interface LeaseOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly tenantId: string;
  readonly purpose: LeasePurpose;
  readonly signal?: AbortSignal;
}

export interface Lease {
  /** Safe to call twice. */
  release(): Promise<void>;
}

export interface LeaseEntry {
  readonly key: string;
  readonly purpose: LeasePurpose;
  readonly expiresMs: number;
}

const durationMs = 10 * 60_000;
const renewalMs = 3 * 60_000;
/** Clocks of two machines may differ by so much. */
const skewMs = 2 * 60_000;
const pollMs = 500;

const prefixOf = (tenantId: string): string => `leases/${parseTenantId(tenantId)}/`;
const namePattern = /^(restore|retention)_(\d{1,16})_[0-9a-f]{16}$/;

/** The leases that have not ended. A name that is none of ours is reported by `verify`, and stops nobody. */
export async function activeLeases(
  store: ObjectStore,
  tenantId: string,
  nowMs: number,
  call: { readonly signal?: AbortSignal } = {},
): Promise<readonly LeaseEntry[]> {
  const prefix = prefixOf(tenantId);
  const active: LeaseEntry[] = [];
  for await (const { key } of store.list({ prefix, ...call })) {
    const [, purpose, expires] = namePattern.exec(key.slice(prefix.length)) ?? [];
    if (purpose === undefined) continue;
    const expiresMs = Number(expires);
    if (expiresMs + skewMs > nowMs)
      active.push({ key, purpose: purpose === 'restore' ? 'restore' : 'retention', expiresMs });
  }
  return active;
}

/** A restore waits for retention to be done, which takes seconds. Retention does not wait: undefined where a restore is running. */
export async function takeLease(options: LeaseOptions): Promise<Lease | undefined> {
  const { store, clock, rng, tenantId, purpose, signal } = options;
  const call = signal ? { signal } : {};
  const stop = new AbortController();
  let key = await writeLease(options);

  const removeOwn = () => store.remove([key]);
  const others = async () =>
    (await activeLeases(store, tenantId, clock.now(), call)).filter(
      (entry) => entry.key !== key && (purpose === 'retention' || entry.purpose === 'retention'),
    );
  try {
    for (let seen = await others(); seen.length > 0; seen = await others()) {
      if (purpose === 'retention') {
        await removeOwn();
        return undefined;
      }
      await clock.sleep(pollMs, signal);
    }
  } catch (error) {
    await removeOwn();
    throw error;
  }

  const renewing = (async () => {
    for (;;) {
      await clock.sleep(renewalMs, stop.signal);
      const before = key;
      key = await writeLease({ store, clock, rng, tenantId, purpose });
      await store.remove([before]);
    }
  })().catch((error: unknown) => {
    if (stop.signal.aborted) return undefined;
    return error; // told at the release: what was done until then may have lost its ground
  });

  let released = false;
  return {
    async release() {
      if (released) return;
      released = true;
      stop.abort();
      const failure = await renewing;
      await removeOwn();
      if (failure !== undefined)
        throw new EntError(
          'OBJECT_STORE_UNAVAILABLE',
          `the lease on tenant ${tenantId} could not be renewed`,
          {
            tenantId,
            cause: failure,
          },
        );
    },
  };
}

async function writeLease({
  store,
  clock,
  rng,
  tenantId,
  purpose,
  signal,
}: LeaseOptions): Promise<string> {
  const expiresMs = clock.now() + durationMs;
  const key = `${prefixOf(tenantId)}${purpose}_${expiresMs}_${Buffer.from(rng.bytes(8)).toString('hex')}`;
  const body = { tenant_id: tenantId, purpose, expires: new Date(expiresMs).toISOString() };
  await store.create(key, Buffer.from(`${JSON.stringify(body)}\n`), signal ? { signal } : {});
  return key;
}
