/**
 * A plan: what one transaction does, written down in order and judged as a whole. Building it is pure; it asks nobody and
 * changes nothing until it is sent.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { EntError } from '@entdb/base';
import {
  OnConflict,
  OperationSchema,
  PreconditionSchema,
  type Operation,
  type Precondition,
} from '@entdb/contracts';
import { conditionOf, type Where } from '../filter.ts';
import type { NodeRef } from '../schema/field.ts';
import type { Schema } from '../schema/schema.ts';
import type {
  ChangedFields,
  EdgeType,
  ExpectedFields,
  NewFields,
  NodeType,
} from '../schema/types.ts';
import { encodeFields, encodeNewFields } from '../values/encode.ts';
import type { NodeId } from '../values/flavor.ts';
import {
  aliasOf,
  foreignHandle,
  isHandle,
  nameById,
  type NameNode,
  type NodeHandle,
} from './handle.ts';

/** Whose mailboxes get the node. */
export interface Deliver {
  readonly to: readonly string[];
  readonly thread?: string;
  readonly snippet?: string;
  /** For the mailbox's full-text search, beside the snippet. */
  readonly text?: string;
}

export interface CreateOptions {
  /** An id of your own; minted by the server otherwise. */
  readonly id?: string;
  /** Leaves an existing node (same id or unique key) as it is; the handle then means that node. */
  readonly ifAbsent?: boolean;
  readonly deliver?: Deliver;
}

export interface LinkOptions {
  /** Tells parallel edges of one type apart. */
  readonly key?: string;
  readonly ifAbsent?: boolean;
}

/** A type with no required field may be linked without fields. */
type LinkArguments<Type extends EdgeType> =
  Record<never, never> extends NewFields<Type['fields']>
    ? [fields?: NewFields<Type['fields']>, options?: LinkOptions]
    : [fields: NewFields<Type['fields']>, options?: LinkOptions];

export interface Plan<Node extends NodeType = NodeType, Edge extends EdgeType = EdgeType> {
  create<Type extends Node>(
    type: Type,
    fields: NewFields<Type['fields']>,
    options?: CreateOptions,
  ): NodeHandle<Type['name']>;

  /** `null` makes a field absent; what is not named stays. */
  update<Type extends Node>(
    type: Type,
    node: NodeRef<Type['name']>,
    changes: ChangedFields<Type['fields']>,
    options?: { readonly deliver?: Deliver },
  ): void;

  /** With its edges and mailbox items. */
  delete<Type extends Node>(type: Type, node: NodeRef<Type['name']>): void;

  /** All nodes of the type that match; the outcome has their number and ids. More than `maxMatches` reject the transaction. */
  deleteWhere<Type extends Node>(
    type: Type,
    where: Where<Type> | 'all',
    options?: { readonly maxMatches?: number },
  ): void;

  link<Type extends Edge>(
    type: Type,
    from: NodeRef<Type['from'][number]>,
    to: NodeRef<Type['to'][number]>,
    ...rest: LinkArguments<Type>
  ): void;

  unlink<Type extends Edge>(
    type: Type,
    from: NodeRef<Type['from'][number]>,
    to: NodeRef<Type['to'][number]>,
    options?: Pick<LinkOptions, 'key'>,
  ): void;

  /**
   * Compare-and-set: the node is there, with these values (`null`: absent) and this version. Judged against the state before
   * the first operation, wherever in the plan it stands; if it does not hold, nothing of the plan happens.
   */
  expect<Type extends Node>(
    type: Type,
    node: NodeId<Type['name']>,
    fields?: ExpectedFields<Type['fields']>,
    options?: { readonly version?: bigint },
  ): void;

  /** The node is not there. */
  expectAbsent<Type extends Node>(type: Type, node: NodeId<Type['name']>): void;

  /** Mailbox items of a user: those of the nodes named, or all. */
  markRead(user: string, nodes?: readonly NodeRef[]): void;
  markUnread(user: string, nodes?: readonly NodeRef[]): void;
}

/** A function that writes a plan down. What it returns comes back with ids in place of handles. */
export type Planner<Node extends NodeType, Edge extends EdgeType, Returned> = (
  plan: Plan<Node, Edge>,
) => Returned;

export interface BuiltPlan<Returned> {
  readonly operations: readonly Operation[];
  readonly preconditions: readonly Precondition[];
  readonly returned: Returned;
  /** Whether a handle was given out by this plan. */
  owns(handle: NodeHandle): boolean;
}

/** Throws EMPTY_TRANSACTION, and all that the values themselves can be guilty of. */
export function buildPlan<Node extends NodeType, Edge extends EdgeType, Returned>(
  schema: Schema<Node, Edge>,
  planner: Planner<Node, Edge, Returned>,
): BuiltPlan<Returned> {
  const operations: Operation[] = [];
  const preconditions: Precondition[] = [];
  const token = { planOf: Symbol('plan') };
  const owns = (handle: NodeHandle) => handle.plan === token;

  const name: NameNode = (ref, path) => {
    if (!isHandle(ref)) return ref;
    if (!owns(ref)) throw foreignHandle(path);
    return aliasOf(ref.operation);
  };
  const add = (op: NonNullable<MessageInitShape<typeof OperationSchema>['op']>): void => {
    operations.push(create(OperationSchema, { op }));
  };
  const at = (part: string): string => `operations[${operations.length}].${part}`;
  const node = (type: NodeType, part: string): number => idIn(schema.nodesById, type, at(part));
  const edge = (type: EdgeType, part: string): number => idIn(schema.edgesById, type, at(part));
  const ends = (from: NodeRef, to: NodeRef, part: string) => ({
    fromId: name(from, at(`${part}.from_id`)),
    toId: name(to, at(`${part}.to_id`)),
  });
  const mark = (userId: string, nodes: readonly NodeRef[], unread: boolean): void => {
    const nodeIds = nodes.map((ref, i) => name(ref, at(`mark_read.node_ids[${i}]`)));
    add({ case: 'markRead', value: { userId, nodeIds, unread } });
  };

  const plan: Plan<Node, Edge> = {
    create: (type, input, options = {}) => {
      const typeId = node(type, 'create_node');
      const fields = encodeNewFields(type, input, at('create_node.fields'), name);
      const handle = Object.freeze({ type: type.name, operation: operations.length, plan: token });
      add({
        case: 'createNode',
        value: {
          alias: aliasOf(handle.operation),
          typeId,
          id: options.id ?? '',
          fields,
          onConflict: onConflict(options),
          ...delivery(options.deliver),
        },
      });
      return handle;
    },
    update: (type, ref, changes, options = {}) => {
      const typeId = node(type, 'update_node');
      const id = name(ref, at('update_node.id'));
      const { set, absent } = encodeFields(type, changes, at('update_node.set'), name);
      const value = { typeId, id, set, clear: [...absent], ...delivery(options.deliver) };
      add({ case: 'updateNode', value });
    },
    delete: (type, ref) => {
      const id = name(ref, at('delete_node.id'));
      add({ case: 'deleteNode', value: { typeId: node(type, 'delete_node'), id } });
    },
    deleteWhere: (type, where, { maxMatches = 0 } = {}) => {
      const typeId = node(type, 'delete_where');
      const filter = where === 'all' ? {} : { filter: conditionOf(type, where).filter };
      add({ case: 'deleteWhere', value: { typeId, maxMatches, ...filter } });
    },
    link: (type, from, to, ...[input = {}, options = {}]) => {
      const typeId = edge(type, 'create_edge');
      const fields = encodeNewFields(type, input, at('create_edge.fields'), name);
      const value = { typeId, ...ends(from, to, 'create_edge'), key: options.key ?? '', fields };
      add({ case: 'createEdge', value: { ...value, onConflict: onConflict(options) } });
    },
    unlink: (type, from, to, { key = '' } = {}) => {
      const typeId = edge(type, 'delete_edge');
      add({ case: 'deleteEdge', value: { typeId, ...ends(from, to, 'delete_edge'), key } });
    },
    expect: (type, nodeId, fields = {}, { version } = {}) => {
      const path = `preconditions[${preconditions.length}]`;
      const { set, absent } = encodeFields(type, fields, `${path}.equals`, nameById);
      preconditions.push(
        create(PreconditionSchema, {
          typeId: idIn(schema.nodesById, type, path),
          nodeId,
          equals: set,
          absent: [...absent],
          ...(version !== undefined && { version }),
        }),
      );
    },
    expectAbsent: (type, nodeId) => {
      const typeId = idIn(schema.nodesById, type, `preconditions[${preconditions.length}]`);
      preconditions.push(create(PreconditionSchema, { typeId, nodeId, exists: false }));
    },
    markRead: (user, nodes = []) => mark(user, nodes, false),
    markUnread: (user, nodes = []) => mark(user, nodes, true),
  };

  const returned = planner(plan);
  if (operations.length === 0) {
    throw new EntError('EMPTY_TRANSACTION', 'the plan has no operation', { field: 'operations' });
  }
  return { operations, preconditions, returned, owns };
}

function idIn(
  known: ReadonlyMap<number, NodeType | EdgeType>,
  type: NodeType | EdgeType,
  path: string,
): number {
  if (known.get(type.id) === type) return type.id;
  throw new EntError(
    'UNKNOWN_TYPE',
    `${path}: the client's schema does not have this type ${type.name}`,
    {
      field: `${path}.type_id`,
      hint: 'name the type in defineSchema',
    },
  );
}

function onConflict({ ifAbsent = false }: { readonly ifAbsent?: boolean }): OnConflict {
  return ifAbsent ? OnConflict.SKIP : OnConflict.UNSPECIFIED;
}

function delivery(deliver: Deliver | undefined) {
  if (!deliver) return {};
  const { to, thread = '', snippet = '', text = '' } = deliver;
  return { delivery: { userIds: [...to], threadId: thread, snippet, text } };
}
