/** From the wire's values to the program's. Nothing is rounded: ints and moments are bigint, JSON is its text. */
import { EntError } from '@entdb/base';
import type {
  AnyValue,
  Edge as WireEdge,
  Fields as WireFields,
  Node as WireNode,
  Value,
} from '@entdb/contracts';
import type { ReadFields, EdgeType, FieldsById, NodeType } from '../schema/types.ts';
import type { NodeId } from './flavor.ts';
import { jsonOfText, type Json } from './json.ts';
import type { Timestamp } from './timestamp.ts';

/** A node as it was at the position of the read. */
export interface Node<Type extends NodeType = NodeType> {
  readonly type: Type['name'];
  readonly id: NodeId<Type['name']>;
  readonly fields: ReadFields<Type['fields']>;
  /** 1 when created, one more with each change. */
  readonly version: bigint;
  readonly createdAt: Timestamp;
  readonly updatedAt: Timestamp;
}

/** A node of a type that this program's schema does not have; its fields by number. */
export interface UnknownNode extends Omit<Node, 'type' | 'fields'> {
  readonly type: undefined;
  readonly typeId: number;
  readonly fields: Readonly<Record<number, PlainValue>>;
}

export interface Edge<Type extends EdgeType = EdgeType> {
  readonly type: Type['name'];
  readonly from: NodeId<Type['from'][number]>;
  readonly to: NodeId<Type['to'][number]>;
  /** Tells parallel edges of one type apart; mostly empty. */
  readonly key: string;
  readonly fields: ReadFields<Type['fields']>;
  readonly createdAt: Timestamp;
}

export interface UnknownEdge extends Omit<Edge, 'type' | 'fields'> {
  readonly type: undefined;
  readonly typeId: number;
  readonly fields: Readonly<Record<number, PlainValue>>;
}

export type PlainValue =
  | string
  | bigint
  | number
  | boolean
  | Uint8Array
  | Json
  | readonly PlainValue[];

export function decodeNode<Type extends NodeType>(type: Type, node: WireNode): Node<Type> {
  const owner = `${type.name} ${node.id}`;
  return {
    type: type.name,
    id: node.id,
    fields: decodeFields(type, node.fields, owner) as ReadFields<Type['fields']>, // checked against the type's fields
    version: node.version,
    createdAt: node.createdAtUs,
    updatedAt: node.updatedAtUs,
  };
}

export function decodeAnyNode<Type extends NodeType>(
  types: ReadonlyMap<number, Type>,
  node: WireNode,
): NodeUnion<Type> | UnknownNode {
  const type = types.get(node.typeId);
  if (type) return decodeNode(type, node) as NodeUnion<Type>; // the node of that one member of the union
  return {
    type: undefined,
    typeId: node.typeId,
    id: node.id,
    fields: plainFields(node.fields),
    version: node.version,
    createdAt: node.createdAtUs,
    updatedAt: node.updatedAtUs,
  };
}

/** One Node for each type, told apart by `type`. */
export type NodeUnion<Type extends NodeType> = Type extends NodeType ? Node<Type> : never;
export type EdgeUnion<Type extends EdgeType> = Type extends EdgeType ? Edge<Type> : never;

export function decodeAnyEdge<Type extends EdgeType>(
  types: ReadonlyMap<number, Type>,
  edge: WireEdge,
): EdgeUnion<Type> | UnknownEdge {
  const type = types.get(edge.typeId);
  const ends = { from: edge.fromId, to: edge.toId, key: edge.key, createdAt: edge.createdAtUs };
  if (!type)
    return { type: undefined, typeId: edge.typeId, fields: plainFields(edge.fields), ...ends };
  const fields = decodeFields(
    type,
    edge.fields,
    `${type.name} from ${edge.fromId} to ${edge.toId}`,
  );
  return { type: type.name, fields, ...ends } as EdgeUnion<Type>; // the edge of that one member of the union
}

/**
 * Throws TYPE_MISMATCH where a required field is missing or a value is of another kind: the types would promise what is not
 * there. Fields that this schema does not have (a newer one wrote them) are left out.
 */
export function decodeFields(
  type: { readonly name: string; readonly byId: FieldsById },
  fields: WireFields,
  owner: string,
): Readonly<Record<string, unknown>> {
  const decoded: Record<string, unknown> = {};
  for (const [id, { name, field }] of type.byId) {
    const value = fields[id];
    if (value === undefined) {
      if (field.options.required)
        throw mismatch(
          `${owner} has no ${name}, which this schema requires`,
          'another version of the schema made the field optional; make it optional here, too',
        );
      continue;
    }
    const { kind } = value;
    const wireKind = field.kind === 'timestamp' ? 'timestampUs' : field.kind;
    const kinds =
      kind.case === 'list' ? kind.value.values.map((item) => item.kind.case) : [kind.case];
    if (field.list !== (kind.case === 'list') || kinds.some((found) => found !== wireKind)) {
      throw mismatch(
        `${owner}: ${name} is of another kind than this schema says`,
        "compare the schema with the tenant's: tenant.schema()",
      );
    }
    decoded[name] = plain(value);
  }
  return decoded;
}

function mismatch(problem: string, hint: string): EntError {
  return new EntError('TYPE_MISMATCH', problem, { hint });
}

function plainFields(fields: WireFields): Readonly<Record<number, PlainValue>> {
  return Object.fromEntries(Object.entries(fields).map(([id, value]) => [id, plain(value)]));
}

function plain({ kind }: Value): PlainValue {
  switch (kind.case) {
    case 'list':
      return kind.value.values.map(plain);
    case 'json':
      return jsonOfText(kind.value);
    case undefined:
      throw new EntError(
        'TYPE_MISMATCH',
        'the server sent a value of a kind that this program does not know',
        { hint: 'upgrade the client' },
      );
    default:
      return (kind satisfies AnyValue).value;
  }
}
