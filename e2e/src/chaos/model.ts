/**
 * A tenant as one would write it on a page: maps of nodes and edges, and the rules of the operations that the load uses. It is
 * given the transactions in the order of the log, and says of each what the verdict must be. It shares no code with the
 * services.
 */
import type {
  ExecuteAtomicRequest,
  Fields,
  Operation,
  Precondition,
  Value,
} from '@entdb/contracts';

export interface ModelNode {
  readonly typeId: number;
  readonly fields: Fields;
  readonly version: bigint;
}

export interface ModelEdge {
  readonly typeId: number;
  readonly fromId: string;
  readonly toId: string;
  readonly key: string;
}

export interface Model {
  /** The code that the transaction is rejected with, or undefined where it is applied; `ids` are those of the verdict. */
  apply(request: ExecuteAtomicRequest, ids: readonly string[]): string | undefined;
  readonly nodes: ReadonlyMap<string, ModelNode>;
  /** By `edgeName`. */
  readonly edges: ReadonlyMap<string, ModelEdge>;
}

export const edgeName = ({ typeId, fromId, toId, key }: ModelEdge): string =>
  JSON.stringify([typeId, fromId, toId, key]);

/** Equal content, equal text: kinds and every digit included. */
export const textOf = (fields: Fields): string =>
  JSON.stringify(Object.entries(fields).map(([id, value]) => [id, value.kind.case, plain(value)]));

/** The load writes text and integers. */
function plain(value: Value | undefined): string {
  const kind = value?.kind;
  if (kind?.case === 'str') return kind.value;
  if (kind?.case === 'int') return kind.value.toString();
  throw new Error(`the load writes no ${kind?.case}`);
}

/** Both types of the load are unique by their first field. */
const uniqueOf = ({ typeId, fields }: Omit<ModelNode, 'version'>): string =>
  `${typeId} ${plain(fields[1])}`;

export function createModel(): Model {
  const nodes = new Map<string, ModelNode>();
  const edges = new Map<string, ModelEdge>();
  const taken = new Set<string>();
  /** How to take back what the transaction has done so far, last step first. */
  let undo: (() => void)[] = [];

  const put = <V>(map: Map<string, V>, name: string, value: V | undefined): void => {
    const before = map.get(name);
    undo.push(() => (before === undefined ? map.delete(name) : map.set(name, before)));
    if (value === undefined) map.delete(name);
    else map.set(name, value);
  };

  const fails = ({ nodeId, equals, version }: Precondition): string | undefined => {
    const node = nodes.get(nodeId);
    const holds =
      node !== undefined &&
      (version === undefined || node.version === version) &&
      Object.entries(equals).every(([id, value]) => {
        const found = node.fields[Number(id)];
        return found !== undefined && textOf({ 1: found }) === textOf({ 1: value });
      });
    return holds ? undefined : 'PRECONDITION_FAILED';
  };

  const perform = (
    { op }: Operation,
    id: (ref: string) => string,
    made: string,
  ): string | undefined => {
    switch (op.case) {
      case 'createNode': {
        const { typeId, fields } = op.value;
        const unique = uniqueOf({ typeId, fields });
        if (taken.has(unique)) return 'UNIQUE_VIOLATION';
        taken.add(unique);
        undo.push(() => taken.delete(unique));
        put(nodes, made, { typeId, fields, version: 1n });
        return undefined;
      }
      case 'updateNode': {
        const name = id(op.value.id);
        const node = nodes.get(name);
        if (!node) return 'NOT_FOUND';
        const fields = { ...node.fields, ...op.value.set };
        put(nodes, name, { ...node, fields, version: node.version + 1n });
        return undefined;
      }
      case 'deleteNode': {
        const name = id(op.value.id);
        const node = nodes.get(name);
        if (!node) return undefined;
        const unique = uniqueOf(node);
        taken.delete(unique);
        undo.push(() => taken.add(unique));
        put(nodes, name, undefined);
        for (const [edge, { fromId, toId }] of edges)
          if (fromId === name || toId === name) put(edges, edge, undefined);
        return undefined;
      }
      case 'createEdge': {
        const { typeId, key } = op.value;
        const edge = { typeId, fromId: id(op.value.fromId), toId: id(op.value.toId), key };
        put(edges, edgeName(edge), edge);
        return undefined;
      }
      default:
        throw new Error(`the load does not use ${op.case}`);
    }
  };

  return {
    nodes,
    edges,
    apply: ({ operations, preconditions }, ids) => {
      undo = [];
      const aliases = new Map(
        operations.flatMap(({ op }, i) =>
          op.case === 'createNode' ? [[op.value.alias, ids[i] ?? ''] as const] : [],
        ),
      );
      const id = (ref: string) => aliases.get(ref) ?? ref;
      const code =
        firstOf(preconditions, fails) ??
        firstOf(operations, (one, i) => perform(one, id, ids[i] ?? ''));
      if (code !== undefined) for (const step of undo.toReversed()) step();
      return code;
    },
  };
}

function firstOf<T>(
  items: readonly T[],
  ask: (item: T, index: number) => string | undefined,
): string | undefined {
  for (const [i, item] of items.entries()) {
    const answer = ask(item, i);
    if (answer !== undefined) return answer;
  }
  return undefined;
}
