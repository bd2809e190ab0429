/**
 * A gateway and its appliers in memory, behind Connect's own in-process transport: requests and answers are encoded and
 * decoded as over a network. It keeps what a client relies on (one effect for a key, positions, pages, watching) and fails
 * when told to. It judges no schema and no filter: the real services are there for that.
 */
import { create } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  createRouterTransport,
  type ConnectRouter,
  type HandlerContext,
} from '@connectrpc/connect';
import { EntError, type ErrorCode, type ErrorFacts, partitionOf } from '@entdb/base';
import {
  AdminService,
  CommandService,
  createIdMint,
  ErrorDetailSchema,
  errorToDetail,
  ExecuteAtomicRequestSchema,
  ExecuteAtomicResponseSchema,
  ExecuteOutcomeSchema,
  ExecuteStreamResponseSchema,
  NodeSchema,
  positionFromWire,
  positionToWire,
  QueryService,
  TransactionResultSchema,
  WatchResponseSchema,
  type ExecuteAtomicRequest,
  type ExecuteAtomicResponse,
  type ExecuteOutcome,
  type LogPosition,
  type Node,
  type ReadScope,
  type Transaction,
  type TransactionResult,
} from '@entdb/contracts';
import type { Connection } from '../fleet/connection.ts';

export const partitions = 8;
export const gatewayAddress = 'http://gateway';

interface Applied {
  readonly position: LogPosition;
  readonly key: string;
  readonly transaction: Transaction;
  readonly result: TransactionResult;
}

interface TenantState {
  readonly applied: Applied[];
  readonly nodes: Map<string, Node>;
}

/** A call as a server saw it. */
export interface SeenRead {
  readonly address: string;
  readonly method: string;
  readonly scope: ReadScope | undefined;
}

/** What goes wrong. Each hook sees a call before it is served, and throws to refuse it. */
export interface Faults {
  execute?: (request: ExecuteAtomicRequest) => void;
  read?: (read: SeenRead) => void;
  /** After how many verdicts each stream breaks, one number for each stream; after these they hold. */
  streamBreaks?: number[];
  /** After how many events each watch breaks. */
  watchBreaks?: number[];
  /** Answers are kept back until it resolves. */
  hold?: Promise<void>;
  noStreams?: boolean;
}

export interface FakeFleet {
  connect(address: string): Connection;
  /** The two kinds of servers, for another transport. */
  gateway(router: ConnectRouter): void;
  applier(router: ConnectRouter, address: string): void;
  readonly faults: Faults;
  /** Every transaction that reached the gateway, in order, repeats included. */
  readonly executed: ExecuteAtomicRequest[];
  readonly reads: SeenRead[];
  readonly streams: { opened: number };
  readonly topologyAsked: { times: number };
  /** Addresses of the appliers, by shard. */
  appliers: readonly (readonly string[])[];
  tenant(id: string): TenantState;
}

export function rpcError(
  code: ErrorCode,
  message: string = code,
  facts: ErrorFacts = {},
): ConnectError {
  const error = new EntError(code, message, facts);
  return new ConnectError(message, Code.Unavailable, undefined, [
    { desc: ErrorDetailSchema, value: errorToDetail(error) },
  ]);
}

export const brokenConnection = (): ConnectError =>
  new ConnectError('the connection broke', Code.Unavailable);

export function createFakeFleet(): FakeFleet {
  const tenants = new Map<string, TenantState>();
  const offsets = Array.from({ length: partitions }, () => 0);
  const pokes = new Set<() => void>();

  const fleet: FakeFleet = {
    connect: (address) => ({
      transport: createRouterTransport((router) =>
        address === gatewayAddress ? gateway(router) : applier(router, address),
      ),
    }),
    gateway,
    applier,
    faults: {},
    executed: [],
    reads: [],
    streams: { opened: 0 },
    topologyAsked: { times: 0 },
    appliers: [['http://applier-0']],
    tenant: (id) => {
      const known = tenants.get(id);
      if (known) return known;
      const made = { applied: [], nodes: new Map<string, Node>() };
      tenants.set(id, made);
      return made;
    },
  };

  function execute(request: ExecuteAtomicRequest): ExecuteAtomicResponse {
    fleet.executed.push(request);
    fleet.faults.execute?.(request);
    const tenant = fleet.tenant(request.tenantId);
    const earlier = tenant.applied.find(({ key }) => key === request.idempotencyKey);
    const { position, result } = earlier ?? apply(request, tenant);
    const operations = result.outcome.case === 'applied' ? result.outcome.value.operations : [];
    return create(ExecuteAtomicResponseSchema, {
      position: positionToWire(position),
      ids: operations.map(({ id }) => id),
      result,
    });
  }

  function apply(request: ExecuteAtomicRequest, tenant: TenantState): Applied {
    const { tenantId, idempotencyKey: key, operations } = request;
    const partition = partitionOf(tenantId, partitions);
    const offset = offsets[partition]!++;
    const position: LogPosition = { topic: 'entdb-wal', partition, offset, epoch: 1 };
    const mint = createIdMint(tenantId, key);
    const done = operations.map(({ op }, i) => {
      if (op.case !== 'createNode') return { id: '', changed: true };
      const id = op.value.id || mint.idAt(i);
      const { typeId, fields } = op.value;
      tenant.nodes.set(
        id,
        create(NodeSchema, { id, typeId, fields, version: 1n, createdAtUs: BigInt(offset) }),
      );
      return { id, changed: true };
    });
    const result = create(TransactionResultSchema, {
      position: positionToWire(position),
      appliedAtUs: BigInt(offset),
      outcome: { case: 'applied', value: { operations: done } },
    });
    const transaction: Transaction = {
      $typeName: 'entdb.v1.Transaction',
      operations,
      preconditions: [],
    };
    const applied = { position, key, transaction, result };
    tenant.applied.push(applied);
    for (const poke of pokes) poke();
    return applied;
  }

  function outcome(request: ExecuteAtomicRequest): ExecuteOutcome {
    try {
      return create(ExecuteOutcomeSchema, {
        outcome: { case: 'response', value: execute(request) },
      });
    } catch (error) {
      const [detail] = ConnectError.from(error).findDetails(ErrorDetailSchema);
      if (!detail) throw error;
      return create(ExecuteOutcomeSchema, { outcome: { case: 'error', value: detail } });
    }
  }

  function gateway(router: ConnectRouter): void {
    router.service(CommandService, {
      executeAtomic: async (request) => {
        await fleet.faults.hold;
        return execute(request);
      },
      executeBatch: ({ transactions }) => ({ outcomes: transactions.map(outcome) }),
      async *executeStream(requests) {
        if (fleet.faults.noStreams) throw new ConnectError('no streams here', Code.Unimplemented);
        fleet.streams.opened++;
        const breakAfter = fleet.faults.streamBreaks?.shift();
        let verdicts = 0;
        for await (const { id, transaction } of requests) {
          const answer = outcome(transaction!);
          await fleet.faults.hold;
          // What was done just before the break is not told.
          if (verdicts++ === breakAfter) throw brokenConnection();
          yield create(ExecuteStreamResponseSchema, { id, outcome: answer });
        }
      },
    });
    router.service(AdminService, {
      getTopology: () => {
        fleet.topologyAsked.times++;
        const appliers = fleet.appliers.flatMap((addresses, shard) =>
          addresses.map((address) => ({ shard, address })),
        );
        return { partitions, shards: fleet.appliers.length, appliers };
      },
      createTenant: ({ tenantId, idempotencyKey }) => {
        const { result } = execute(
          create(ExecuteAtomicRequestSchema, { tenantId, idempotencyKey }),
        );
        return { result: result! };
      },
    });
  }

  function applier(router: ConnectRouter, address: string): void {
    const seen = (method: string, scope: ReadScope | undefined): TenantState => {
      const read = { address, method, scope };
      fleet.reads.push(read);
      fleet.faults.read?.(read);
      return fleet.tenant(scope?.tenantId ?? '');
    };
    const positionOf = ({ applied }: TenantState) => {
      const last = applied.at(-1);
      return last ? { position: positionToWire(last.position) } : {};
    };
    router.service(QueryService, {
      getNode: ({ scope, id, typeId }) => {
        const tenant = seen('getNode', scope);
        const node = tenant.nodes.get(id);
        return { ...(node?.typeId === typeId && { node }), ...positionOf(tenant) };
      },
      queryNodes: ({ scope, typeId, pageSize, pageToken, count }) => {
        const tenant = seen('queryNodes', scope);
        const all = [...tenant.nodes.values()].filter((node) => node.typeId === typeId);
        const from = Number(pageToken || 0);
        const to = from + (pageSize || 100);
        const nextPageToken = to < all.length ? String(to) : '';
        return {
          nodes: all.slice(from, to),
          nextPageToken,
          ...(count && { total: BigInt(all.length) }),
          ...positionOf(tenant),
        };
      },
      getResult: ({ scope, idempotencyKey }) => {
        const tenant = seen('getResult', scope);
        const found = tenant.applied.find(({ key }) => key === idempotencyKey);
        return { ...(found && { result: found.result }), ...positionOf(tenant) };
      },
      getTenant: ({ scope }) => {
        const tenant = seen('getTenant', scope);
        return { state: 2, sequence: BigInt(tenant.applied.length), ...positionOf(tenant) };
      },
      listTenants: () => {
        seen('listTenants', undefined);
        const shard = fleet.appliers.findIndex((addresses) => addresses.includes(address));
        const mine = (id: string) =>
          id !== '' && partitionOf(id, partitions) % fleet.appliers.length === shard;
        return { tenantIds: [...tenants.keys()].filter(mine) };
      },
      async *watch({ tenantId, after }, { signal }: HandlerContext) {
        const tenant = seen('watch', { $typeName: 'entdb.v1.ReadScope', tenantId });
        const breakAfter = fleet.faults.watchBreaks?.shift();
        const start = after ? positionFromWire(after).offset : -1;
        let next = tenant.applied.findIndex(({ position }) => position.offset > start);
        if (next < 0) next = tenant.applied.length;
        for (let events = 0; ; events++) {
          if (events === breakAfter) throw brokenConnection();
          while (next === tenant.applied.length) {
            const { promise, resolve } = Promise.withResolvers<void>();
            pokes.add(resolve);
            signal.addEventListener('abort', () => resolve(), { once: true });
            await promise;
            pokes.delete(resolve);
            if (signal.aborted) return;
          }
          const { position, key, transaction, result } = tenant.applied[next++]!;
          const applied = result.outcome.case === 'applied' ? result.outcome.value : undefined;
          yield create(WatchResponseSchema, {
            position: positionToWire(position),
            idempotencyKey: key,
            appliedAtUs: result.appliedAtUs,
            transaction,
            ...(applied && { applied }),
          });
        }
      },
    });
  }

  return fleet;
}
