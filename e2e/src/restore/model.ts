import type { Fields, Operation, WalRecord } from '@entdb/contracts';

/**
 * A tenant as an account of its own has it, with nothing of the store's code: nodes, edges, mail, keys. What the store makes of the same records is held
 * against it. It knows as much of the rules as the histories of `all-operations.ts` make use of.
 */
export interface Model {
  readonly state: 'absent' | 'active' | 'deleted';
  readonly nodes: ReadonlyMap<string, ModelNode>;
  /** `from type to key` */
  readonly edges: ReadonlySet<string>;
  /** By `user node`: whether it was read. */
  readonly items: ReadonlyMap<string, boolean>;
  /** With what each key was first sent. */
  readonly keys: ReadonlyMap<string, string>;
}

export interface ModelNode {
  readonly type: number;
  readonly name: string;
  readonly size: bigint;
}

/** `repeated` has no effect, `refused` not even a verdict. */
export type Expected = 'applied' | 'rejected' | 'repeated' | 'refused';

export const emptyModel: Model = {
  state: 'absent',
  nodes: new Map(),
  edges: new Set(),
  items: new Map(),
  keys: new Map(),
};

export const nameField = 1;
export const sizeField = 2;

/** What the model must be told. */
export interface Surroundings {
  /** Fingerprints of what the tenant cannot take: a definition that breaks the catalog, and one that nobody has sent. */
  readonly breaking: string;
  readonly unknown: string;
  /** After each record before this one. */
  readonly models: readonly Model[];
}

export function advance(
  model: Model,
  { body, idempotencyKey, requestHash, schemaFingerprint }: WalRecord,
  { breaking, unknown, models }: Surroundings,
): { readonly model: Model; readonly expected: Expected } {
  const asked = Buffer.from(requestHash).toString('hex');
  const before = model.keys.get(idempotencyKey);
  if (before !== undefined) return { model, expected: before === asked ? 'repeated' : 'refused' };
  const keys = new Map(model.keys).set(idempotencyKey, asked);
  const rejected = { model: { ...model, keys }, expected: 'rejected' } as const;
  switch (body.case) {
    case 'tenantCreated':
      if (model.state === 'active') return rejected;
      return { model: { ...model, state: 'active', keys }, expected: 'applied' };
    case 'tenantDeleted':
      if (model.state !== 'active') return rejected;
      return {
        model: { ...emptyModel, state: 'deleted', keys: new Map([[idempotencyKey, asked]]) },
        expected: 'applied',
      };
    case 'tenantRestored': {
      const target = models[Number(body.value.sequence) - 1];
      if (!target || model.state === 'absent') return rejected;
      // Verdicts are of the log: those that the tenant has stay, and those of the restored state come back.
      return {
        model: { ...target, keys: new Map([...target.keys, ...keys]) },
        expected: 'applied',
      };
    }
    case 'transaction': {
      if (model.state === 'deleted') return rejected;
      if (schemaFingerprint === unknown) return { model, expected: 'refused' };
      if (schemaFingerprint === breaking) return rejected;
      const next = transact(model, body.value.operations);
      // The tenant comes to be with its first record, whatever becomes of what is in it.
      return {
        model: { ...(next ?? model), state: 'active', keys },
        expected: next ? 'applied' : 'rejected',
      };
    }
    default:
      throw new Error(`the model knows no record of kind ${body.case}`);
  }
}

/** undefined: the whole transaction is rejected. */
function transact(model: Model, operations: readonly Operation[]): Model | undefined {
  const nodes = new Map(model.nodes);
  const edges = new Set(model.edges);
  const items = new Map(model.items);
  const removeNode = (id: string): void => {
    nodes.delete(id);
    for (const edge of edges) {
      const [from, , to] = edge.split(' ');
      if (from === id || to === id) edges.delete(edge);
    }
    for (const item of items.keys()) if (item.split(' ')[1] === id) items.delete(item);
  };
  const isTaken = (type: number, name: string, own: string): boolean =>
    type === 1 &&
    [...nodes].some(([id, node]) => id !== own && node.type === 1 && node.name === name);
  const deliver = (users: readonly string[] | undefined, id: string): void => {
    for (const user of users ?? []) items.set(`${user} ${id}`, false);
  };
  for (const { op } of operations) {
    switch (op.case) {
      case 'createNode': {
        const { id, typeId, fields, onConflict, delivery } = op.value;
        const node = { type: typeId, name: textOf(fields), size: sizeOf(fields) };
        const there = nodes.get(id);
        if (there || isTaken(typeId, node.name, id)) {
          if (onConflict === 0 || there?.type !== typeId) return undefined;
          break;
        }
        nodes.set(id, node);
        deliver(delivery?.userIds, id);
        break;
      }
      case 'updateNode': {
        const { id, typeId, set, delivery } = op.value;
        const node = nodes.get(id);
        if (node?.type !== typeId) return undefined;
        const name = set[nameField] ? textOf(set) : node.name;
        const size = set[sizeField] ? sizeOf(set) : node.size;
        if (isTaken(node.type, name, id)) return undefined;
        nodes.set(id, { ...node, name, size });
        deliver(delivery?.userIds, id);
        break;
      }
      case 'deleteNode': {
        const { id, typeId } = op.value;
        const node = nodes.get(id);
        if (node && node.type !== typeId) return undefined;
        removeNode(id);
        break;
      }
      case 'createEdge': {
        const { fromId, typeId, toId, key, onConflict } = op.value;
        if (!nodes.has(fromId) || !nodes.has(toId)) return undefined;
        const edge = `${fromId} ${typeId} ${toId} ${key}`;
        if (edges.has(edge) && onConflict === 0) return undefined;
        edges.add(edge);
        break;
      }
      case 'deleteEdge': {
        const { fromId, typeId, toId, key } = op.value;
        edges.delete(`${fromId} ${typeId} ${toId} ${key}`);
        break;
      }
      case 'deleteWhere': {
        const { typeId, filter, maxMatches } = op.value;
        const limit = filter?.expression.case === 'compare' ? filter.expression.value : undefined;
        const below = limit?.values[0]?.kind;
        if (below?.case !== 'int') throw new Error('the model knows one filter: size below');
        const found = [...nodes].filter(
          ([, node]) => node.type === typeId && node.size < below.value,
        );
        if (found.length > maxMatches) return undefined;
        for (const [id] of found) removeNode(id);
        break;
      }
      case 'markRead': {
        const { userId, nodeIds, unread } = op.value;
        for (const item of items.keys()) {
          const [user = '', id = ''] = item.split(' ');
          if (user === userId && (nodeIds.length === 0 || nodeIds.includes(id)))
            items.set(item, !unread);
        }
        break;
      }
      default:
        throw new Error(`the model knows no operation ${op.case}`);
    }
  }
  return { ...model, nodes, edges, items };
}

export function textOf(fields: Fields): string {
  const kind = fields[nameField]?.kind;
  return kind?.case === 'str' ? kind.value : '';
}

export function sizeOf(fields: Fields): bigint {
  const kind = fields[sizeField]?.kind;
  return kind?.case === 'int' ? kind.value : 0n;
}

/** A line for each thing, sorted. */
export function linesOf({ state, nodes, edges, items, keys }: Model): readonly string[] {
  return [
    state,
    ...[...nodes].map(([id, { type, name, size }]) => `node ${id} ${type} ${name} ${size}`),
    ...[...edges].map((edge) => `edge ${edge}`),
    ...[...items].map(([item, read]) => `item ${item} ${read ? 'read' : 'unread'}`),
    ...[...keys.keys()].map((key) => `key ${key}`),
  ].toSorted();
}
