/** The read side of a tenant. Every read sees at least what this client has written and read before, unless told otherwise. */
import {
  Direction as WireDirection,
  errorFromDetail,
  TenantState,
  type LogPosition,
  type Schema as WireSchema,
} from '@entdb/contracts';
import type { EntError } from '@entdb/base';
import type { Schema } from '../schema/schema.ts';
import type { EdgeType, KeyOf, NodeType } from '../schema/types.ts';
import {
  decodeAnyEdge,
  decodeAnyNode,
  decodeNode,
  type EdgeUnion,
  type Node,
  type NodeUnion,
  type UnknownEdge,
  type UnknownNode,
} from '../values/decode.ts';
import { encodeFields } from '../values/encode.ts';
import type { NodeId } from '../values/flavor.ts';
import { nameById } from '../write/handle.ts';
import { verdictOf, type Verdict } from '../write/result.ts';
import { createMailbox, type Mailbox } from './mailbox.ts';
import { createPages, nextOf, type Pages } from './pages.ts';
import { createQuery, type Query } from './query.ts';
import { read, seenIn, type Ask, type ReadContext, type ReadOptions } from './scope.ts';
import { watch, type WatchEvent, type WatchOptions } from './watch.ts';

export interface EdgesOptions<Edge extends EdgeType = EdgeType> extends ReadOptions {
  /** `out` (the default): edges from the node; `in`: edges to it. */
  readonly direction?: 'out' | 'in';
  /** Only edges of these types. */
  readonly types?: readonly Edge[];
  readonly pageSize?: number;
}

export interface NeighborsOptions<Edge extends EdgeType = EdgeType> extends Omit<
  EdgesOptions<Edge>,
  'pageSize'
> {
  /** 1 (the default) to 8 steps. */
  readonly depth?: number;
  /** 1 to 10000; 1000 where not said. */
  readonly limit?: number;
}

export interface Neighbors<N> {
  /** Nearest first; each node once; never the start. */
  readonly neighbors: readonly { readonly node: N; readonly depth: number }[];
  /** There were more than the limit. */
  readonly truncated: boolean;
}

export interface TenantInfo {
  readonly state: 'absent' | 'active' | 'deleted' | 'quarantined';
  readonly position: LogPosition | undefined;
  /** Number of the tenant's records up to the position. */
  readonly sequence: bigint;
  readonly nodeCount: number;
  readonly edgeCount: number;
  /** Digests of the tenant's two files at the position: equal wherever the same history was applied. */
  readonly digests: { readonly canonical: string; readonly mailbox: string };
  /** Why it is quarantined. */
  readonly fault: EntError | undefined;
}

export interface TenantSchema {
  readonly schema: WireSchema | undefined;
  readonly fingerprint: string;
  /** All versions that the tenant has seen, oldest first. */
  readonly fingerprints: readonly string[];
}

type AnyNode<N extends NodeType> = NodeUnion<N> | UnknownNode;

export interface Reads<N extends NodeType, E extends EdgeType> {
  /** The node, or undefined where there is none of this type and id. */
  get<Type extends N>(
    type: Type,
    id: NodeId<Type['name']>,
    options?: ReadOptions,
  ): Promise<Node<Type> | undefined>;
  /** In the order of the ids; undefined where there is none. */
  getMany<Type extends N>(
    type: Type,
    ids: readonly NodeId<Type['name']>[],
    options?: ReadOptions,
  ): Promise<readonly (Node<Type> | undefined)[]>;
  /** By a unique field or a unique combination. */
  getByKey<Type extends N>(
    type: Type,
    key: KeyOf<Type>,
    options?: ReadOptions,
  ): Promise<Node<Type> | undefined>;
  query<Type extends N>(type: Type, options?: ReadOptions): Query<Type>;
  edges(node: NodeId, options?: EdgesOptions<E>): Pages<EdgeUnion<E> | UnknownEdge>;
  /** Breadth first. */
  neighbors(node: NodeId, options?: NeighborsOptions<E>): Promise<Neighbors<AnyNode<N>>>;
  /** Full text, best match first. All words must occur; the last may be a prefix if it ends in "*". */
  search<Type extends N>(
    type: Type,
    text: string,
    options?: ReadOptions & { readonly pageSize?: number },
  ): Pages<Node<Type>>;
  /** Over all types. */
  searchAll(
    text: string,
    options?: ReadOptions & { readonly pageSize?: number },
  ): Pages<AnyNode<N>>;
  mailbox(user: string, options?: ReadOptions): Mailbox;
  /** The verdict on a key; undefined where there is none yet. With `wait`: until there is one, or the time is over. */
  result(
    idempotencyKey: string,
    options?: ReadOptions & { readonly wait?: boolean },
  ): Promise<Verdict | undefined>;
  /** Resolves when a replica has applied everything up to the position. */
  waitFor(position: LogPosition, options?: Omit<ReadOptions, 'consistency'>): Promise<void>;
  /** What the tenant knows: the union of all versions, or the version named. */
  schema(fingerprint?: string, options?: ReadOptions): Promise<TenantSchema>;
  info(options?: ReadOptions): Promise<TenantInfo>;
  /** Applied transactions, as they come. */
  watch(options?: WatchOptions): AsyncGenerator<WatchEvent>;
}

const states: Readonly<Record<number, TenantInfo['state']>> = {
  [TenantState.ABSENT]: 'absent',
  [TenantState.ACTIVE]: 'active',
  [TenantState.DELETED]: 'deleted',
  [TenantState.QUARANTINED]: 'quarantined',
};

export function createReads<N extends NodeType, E extends EdgeType>(
  context: ReadContext,
  schema: Schema<N, E>,
): Reads<N, E> {
  const { nodesById, edgesById } = schema;
  const anyNode = (node: Parameters<typeof decodeAnyNode>[1]) => decodeAnyNode(nodesById, node);
  const start = (nodeId: string, { direction = 'out', types = [] }: EdgesOptions<E>) => ({
    nodeId,
    direction: direction === 'in' ? WireDirection.IN : WireDirection.OUT,
    edgeTypeIds: types.map(({ id }) => id),
  });
  const searchPages = <T>(
    typeId: number,
    text: string,
    options: ReadOptions & { readonly pageSize?: number },
    decode: (node: Parameters<typeof decodeAnyNode>[1]) => T,
  ): Pages<T> =>
    createPages(async (pageToken) => {
      const { pageSize = 0 } = options;
      const answer = await read(context, options, (query, scope, attempt) =>
        query.searchNodes({ scope, typeId, text, pageSize, pageToken }, attempt),
      );
      return { items: answer.nodes.map(decode), next: nextOf(answer) };
    });

  return {
    get: async (type, id, options = {}) => {
      const { node } = await read(context, options, (query, scope, attempt) =>
        query.getNode({ scope, typeId: type.id, id }, attempt),
      );
      return node && decodeNode(type, node);
    },
    getMany: async (type, ids, options = {}) => {
      const { nodes } = await read(context, options, (query, scope, attempt) =>
        query.getNodes({ scope, typeId: type.id, ids: [...ids] }, attempt),
      );
      const found = new Map(nodes.map((node) => [node.id, decodeNode(type, node)]));
      return ids.map((id) => found.get(id));
    },
    getByKey: async (type, key, options = {}) => {
      const { set } = encodeFields(type, key, 'key', nameById);
      const { node } = await read(context, options, (query, scope, attempt) =>
        query.getNodeByKey({ scope, typeId: type.id, key: set }, attempt),
      );
      return node && decodeNode(type, node);
    },
    query: (type, options = {}) => createQuery(context, type, options),
    edges: (node, options = {}) =>
      createPages(async (pageToken) => {
        const { pageSize = 0 } = options;
        const answer = await read(context, options, (query, scope, attempt) =>
          query.listEdges({ scope, ...start(node, options), pageSize, pageToken }, attempt),
        );
        return {
          items: answer.edges.map((edge) => decodeAnyEdge(edgesById, edge)),
          next: nextOf(answer),
        };
      }),
    neighbors: async (node, options = {}) => {
      const { depth = 0, limit = 0 } = options;
      const { neighbors, truncated } = await read(context, options, (query, scope, attempt) =>
        query.listNeighbors({ scope, ...start(node, options), depth, limit }, attempt),
      );
      return {
        truncated,
        neighbors: neighbors.flatMap((found) =>
          found.node ? [{ node: anyNode(found.node), depth: found.depth }] : [],
        ),
      };
    },
    search: (type, text, options = {}) =>
      searchPages(type.id, text, options, (node) => decodeNode(type, node)),
    searchAll: (text, options = {}) => searchPages(0, text, options, anyNode),
    mailbox: (user, options = {}) => createMailbox(context, user, options),
    result: async (idempotencyKey, { wait = false, ...options } = {}) => {
      const { result } = await read(context, options, (query, scope, attempt) =>
        query.getResult({ scope, idempotencyKey, wait }, attempt),
      );
      return result && verdictOf(result);
    },
    waitFor: async (position, options = {}) => {
      const ask: Ask<{ readonly position?: Parameters<typeof seenIn>[0]['position'] }> = (
        query,
        scope,
        attempt,
      ) => query.waitForPosition({ scope }, attempt);
      await read(context, { ...options, consistency: { atLeast: position } }, ask);
    },
    schema: async (fingerprint = '', options = {}) => {
      const answer = await read(context, options, (query, scope, attempt) =>
        query.getSchema({ scope, fingerprint }, attempt),
      );
      return {
        schema: answer.schema,
        fingerprint: answer.fingerprint,
        fingerprints: answer.fingerprints,
      };
    },
    info: async (options = {}) => {
      const answer = await read(context, options, (query, scope, attempt) =>
        query.getTenant({ scope }, attempt),
      );
      return {
        state: states[answer.state] ?? 'absent',
        position: answer.position && seenIn(answer),
        sequence: answer.sequence,
        nodeCount: Number(answer.nodeCount),
        edgeCount: Number(answer.edgeCount),
        digests: { canonical: answer.canonicalDigest, mailbox: answer.mailboxDigest },
        fault: answer.fault && errorFromDetail(answer.fault),
      };
    },
    watch: (options = {}) => watch(context, options),
  };
}
