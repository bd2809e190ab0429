/** The client: one for each program. It holds the connections, the map of the fleet and the positions that it has seen. */
import { parseTenantId, realClock, realRng, type Clock, type Rng } from '@entdb/base';
import { createServers, type Connect } from './fleet/connection.ts';
import { createPositions } from './fleet/positions.ts';
import { createReader } from './fleet/reader.ts';
import { createTopology, fixedTopology } from './fleet/topology.ts';
import { createTenants, type Tenants } from './tenants.ts';
import { createReads } from './read/reads.ts';
import type { Consistency } from './read/scope.ts';
import type { Schema } from './schema/schema.ts';
import type { EdgeType, NodeType } from './schema/types.ts';
import { createTenant, type Tenant } from './tenant.ts';
import { createWriter } from './write/writer.ts';
import { createWrites } from './write/writes.ts';

export interface ClientOptions<Node extends NodeType, Edge extends EdgeType> {
  /** Base URL of a gateway, or of a proxy in front of the fleet. */
  readonly endpoint: string;
  readonly schema: Schema<Node, Edge>;
  /** Sends all reads here instead of asking the gateway who owns which tenant. */
  readonly queryEndpoint?: string;
  /** What reads see where they do not say it themselves. `session` by default. */
  readonly consistency?: Consistency;
  /** For each call, retries included. 30 seconds by default. */
  readonly timeoutMs?: number;
  /** `auto` (the default): writes share one stream and go in the order of the calls. `unary`: each in a call of its own. */
  readonly writes?: 'auto' | 'unary';
  /** Writes on the stream without an answer; what comes beyond waits its turn. 256 by default. */
  readonly outstandingMax?: number;
  readonly clock?: Clock;
  readonly rng?: Rng;
}

export interface Client<
  Node extends NodeType = NodeType,
  Edge extends EdgeType = EdgeType,
> extends AsyncDisposable {
  readonly schema: Schema<Node, Edge>;
  /** Throws INVALID_TENANT_ID. */
  tenant(id: string): Tenant<Node, Edge>;
  readonly tenants: Tenants;
  /** Ends connections and streams; calls that are under way fail. */
  close(): Promise<void>;
}

const timeoutMsDefault = 30_000;
const outstandingDefault = 256;
/** Shorter than a server's longest deadline, and short enough to try another replica in time. */
const attemptTimeoutMs = 10_000;
const topologyMaxAgeMs = 30_000;
const replicaAvoidMs = 5_000;
const tenantsRememberedMax = 10_000;

/** A client on any way to the servers; `createClient` of the front door brings Node's. */
export function createClientOn<Node extends NodeType, Edge extends EdgeType>(
  connect: Connect,
  options: ClientOptions<Node, Edge>,
): Client<Node, Edge> {
  const { endpoint, schema, queryEndpoint, clock = realClock, rng = realRng } = options;
  const timeoutMs = options.timeoutMs ?? timeoutMsDefault;
  const servers = createServers(connect);
  const gateway = servers.at(endpoint);
  const positions = createPositions(tenantsRememberedMax);
  const topology =
    queryEndpoint === undefined
      ? createTopology({
          clock,
          ask: () => gateway.admin.getTopology({}, { timeoutMs: attemptTimeoutMs }),
          maxAgeMs: topologyMaxAgeMs,
          avoidMs: replicaAvoidMs,
        })
      : fixedTopology(queryEndpoint);
  const reader = createReader({
    servers,
    topology,
    clock,
    rng,
    attemptTimeoutMs,
    patienceMs: timeoutMs,
  });
  const writer = createWriter({
    gateway,
    schema: schema.definition,
    clock,
    rng,
    mode: options.writes ?? 'auto',
    outstandingMax: options.outstandingMax ?? outstandingDefault,
    attemptTimeoutMs,
  });
  const close = (): Promise<void> => {
    writer.close();
    servers.close();
    return Promise.resolve();
  };
  return {
    schema,
    tenant: (text) => {
      const tenantId = parseTenantId(text);
      const consistency = options.consistency ?? 'session';
      const reads = createReads(
        { tenantId, reader, positions, clock, timeoutMs, consistency },
        schema,
      );
      const writes = createWrites({ tenantId, schema, writer, positions, clock, rng, timeoutMs });
      return createTenant(tenantId, positions, reads, writes);
    },
    tenants: createTenants({
      gateway,
      topology,
      reader,
      positions,
      clock,
      rng,
      timeoutMs,
      attemptTimeoutMs,
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}
