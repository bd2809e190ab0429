import { create } from '@bufbuild/protobuf';
import { EntError } from '@entdb/base';
import { compileSchema, Kind, SchemaSchema, type Schema as WireSchema } from '@entdb/contracts';
import type { Field, FieldKind, Fields } from './field.ts';
import type { EdgeType, NodeType } from './types.ts';

/** The types of a tenant's data as one program knows them. Named by its fingerprint, which every write carries. */
export interface Schema<Node extends NodeType = NodeType, Edge extends EdgeType = EdgeType> {
  /** `sha256:` of the canonical form. */
  readonly fingerprint: string;
  readonly definition: WireSchema;
  readonly nodesById: ReadonlyMap<number, Node>;
  readonly edgesById: ReadonlyMap<number, Edge>;
}

const kinds: Readonly<Record<FieldKind, Kind>> = {
  str: Kind.STR,
  int: Kind.INT,
  float: Kind.FLOAT,
  bool: Kind.BOOL,
  timestamp: Kind.TIMESTAMP,
  json: Kind.JSON,
  bytes: Kind.BYTES,
  enum: Kind.ENUM,
  ref: Kind.REF,
};

/** Throws INVALID_SCHEMA with the first contradiction. */
export function defineSchema<
  const Node extends NodeType,
  const Edge extends EdgeType = never,
>(types: {
  readonly nodes: readonly Node[];
  readonly edges?: readonly Edge[];
}): Schema<Node, Edge> {
  const { nodes, edges = [] } = types;
  const idOf = typeIds(nodes);
  const definition = create(SchemaSchema, {
    nodeTypes: nodes.map((type) => ({
      id: type.id,
      name: type.name,
      fields: fieldDefinitions(type.fields, type.name, idOf),
      unique: type.unique.map((names) => ({
        name: names.join('_'),
        fieldIds: names.map((name) => fieldId(type, name)),
      })),
    })),
    edgeTypes: edges.map((type) => ({
      id: type.id,
      name: type.name,
      fromTypeIds: type.from.map((name) => idOf(name, type.name)),
      toTypeIds: type.to.map((name) => idOf(name, type.name)),
      fields: fieldDefinitions(type.fields, type.name, idOf),
    })),
  });
  const { fingerprint } = compileSchema(definition);
  return Object.freeze({
    fingerprint,
    definition,
    nodesById: new Map(nodes.map((type) => [type.id, type])),
    edgesById: new Map(edges.map((type) => [type.id, type])),
  });
}

type TypeIdOf = (name: string, usedBy: string) => number;

function typeIds(nodes: readonly NodeType[]): TypeIdOf {
  const ids = new Map(nodes.map(({ name, id }) => [name, id]));
  if (ids.size < nodes.length) throw invalid('two node types have the same name');
  return (name, usedBy) => {
    const id = ids.get(name);
    if (id === undefined) throw invalid(`${usedBy} names ${name}, and there is no such node type`);
    return id;
  };
}

function fieldId(type: NodeType, name: string): number {
  const id = type.fields[name]?.id;
  if (id === undefined)
    throw invalid(`${type.name} has no field ${name}, which a unique combination names`);
  return id;
}

function fieldDefinitions(fields: Fields, owner: string, idOf: TypeIdOf) {
  return Object.entries(fields).map(([name, field]: readonly [string, Field]) => {
    const { required = false, unique = false, indexed = false, searchable = false } = field.options;
    return {
      id: field.id,
      name,
      kind: kinds[field.kind],
      list: field.list,
      required,
      unique,
      indexed,
      searchable,
      enumValues: [...field.enumValues],
      refTypeId: field.refType === undefined ? 0 : idOf(field.refType, `${owner}.${name}`),
    };
  });
}

function invalid(problem: string): EntError {
  return new EntError('INVALID_SCHEMA', problem, { field: 'schema' });
}
