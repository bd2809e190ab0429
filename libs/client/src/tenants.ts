/** Making, deleting and listing tenants. */
import { parseIdempotencyKey, parseTenantId, type Clock, type Rng } from '@entdb/base';
import type { LogPosition, TransactionResult } from '@entdb/contracts';
import {
  attemptWithin,
  startBudget,
  unlessAborted,
  type Attempt,
  type CallOptions,
} from './fleet/budget.ts';
import type { Server } from './fleet/connection.ts';
import type { Positions } from './fleet/positions.ts';
import type { Reader } from './fleet/reader.ts';
import type { Topology } from './fleet/topology.ts';
import { createPages, type Pages } from './read/pages.ts';
import { verdictOf } from './write/result.ts';
import { untilAnswered } from './write/until-answered.ts';
import { mintKey } from './write/key.ts';

export interface TenantOptions extends CallOptions {
  readonly idempotencyKey?: string;
}

export interface Tenants {
  /** Resolves when the tenant is there. Throws TENANT_EXISTS. Tenants come to be with their first write unless the fleet forbids it. */
  create(id: string, options?: TenantOptions): Promise<LogPosition>;
  /** Deletes the tenant with all its data. */
  delete(id: string, options?: TenantOptions): Promise<LogPosition>;
  /** The ids of all tenants, shard by shard. */
  list(options?: CallOptions): Pages<string>;
}

export interface TenantsContext {
  readonly gateway: Server;
  readonly topology: Topology;
  readonly reader: Reader;
  readonly positions: Positions;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly timeoutMs: number;
  readonly attemptTimeoutMs: number;
}

interface TenantRequest {
  readonly tenantId: string;
  readonly idempotencyKey: string;
}

type Call = (
  request: TenantRequest,
  attempt: Attempt,
) => Promise<{ readonly result?: TransactionResult | undefined }>;

export function createTenants(context: TenantsContext): Tenants {
  const { gateway, topology, reader, positions, clock, rng, attemptTimeoutMs } = context;
  const budgetOf = (options: CallOptions) =>
    startBudget(clock, options.timeoutMs ?? context.timeoutMs, options.signal);

  async function write(id: string, options: TenantOptions, call: Call): Promise<LogPosition> {
    const tenantId = parseTenantId(id);
    const idempotencyKey = parseIdempotencyKey(options.idempotencyKey ?? mintKey(clock, rng));
    using budget = budgetOf(options);
    const { result } = await untilAnswered({ idempotencyKey, budget, clock, rng }, () =>
      call({ tenantId, idempotencyKey }, attemptWithin(budget, attemptTimeoutMs)),
    );
    const verdict = verdictOf(result);
    if (verdict.kind === 'rejected') throw verdict.error;
    positions.saw(tenantId, verdict.position);
    return verdict.position;
  }

  return {
    create: (id, options = {}) =>
      write(id, options, (request, attempt) => gateway.admin.createTenant(request, attempt)),
    delete: (id, options = {}) =>
      write(id, options, (request, attempt) => gateway.admin.deleteTenant(request, attempt)),
    list: (options = {}) =>
      createPages(async (token) => {
        using budget = budgetOf(options);
        const { shard, pageToken } = placeOf(token);
        const answer = await reader.readShard(shard, budget, (query, attempt) =>
          query.listTenants({ pageToken }, attempt),
        );
        const shards = await unlessAborted(topology.shards(), budget.signal);
        const nextShard = shard + 1 < shards ? tokenOf(shard + 1, '') : undefined;
        const next = answer.nextPageToken === '' ? nextShard : tokenOf(shard, answer.nextPageToken);
        return { items: answer.tenantIds, next };
      }),
  };
}

/** A walk over all shards has one token: the shard, a colon, and the shard's own token. */
function tokenOf(shard: number, pageToken: string): string {
  return `${shard}:${pageToken}`;
}

function placeOf(token: string): { readonly shard: number; readonly pageToken: string } {
  const colon = token.indexOf(':');
  return { shard: Number(token.slice(0, Math.max(0, colon))), pageToken: token.slice(colon + 1) };
}
