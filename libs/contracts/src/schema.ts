import { EntError } from '@entdb/base';
import {
  Kind,
  type EdgeType,
  type FieldDefinition,
  type NodeType,
  type Schema,
} from './gen/entdb/v1/schema_pb.ts';
import { schemaFingerprint } from './fingerprint.ts';
import type { ValueKind } from './value.ts';

/** A schema made ready for look-ups. */
export interface CompiledSchema {
  readonly fingerprint: string;
  readonly definition: Schema;
  readonly nodeTypes: ReadonlyMap<number, CompiledNodeType>;
  readonly edgeTypes: ReadonlyMap<number, CompiledEdgeType>;
}

export interface CompiledField {
  readonly definition: FieldDefinition;
  readonly id: number;
  readonly name: string;
  /** Of the value, or of each element where `list`. */
  readonly kind: ValueKind;
  readonly list: boolean;
}

export interface CompiledNodeType {
  readonly definition: NodeType;
  readonly id: number;
  readonly name: string;
  readonly fields: ReadonlyMap<number, CompiledField>;
  readonly required: readonly CompiledField[];
  readonly indexed: readonly CompiledField[];
  readonly searchable: readonly CompiledField[];
  /** Unique fields and unique combinations alike, each by its fields in ascending order of ids. */
  readonly unique: readonly UniqueKey[];
}

export interface UniqueKey {
  /** "1" or "2,5": stable, and the same for all versions of the schema. */
  readonly name: string;
  readonly fieldIds: readonly number[];
}

export interface CompiledEdgeType {
  readonly definition: EdgeType;
  readonly id: number;
  readonly name: string;
  readonly fields: ReadonlyMap<number, CompiledField>;
  readonly required: readonly CompiledField[];
  readonly fromTypes: ReadonlySet<number>;
  readonly toTypes: ReadonlySet<number>;
}

const valueKinds: Readonly<Record<number, ValueKind>> = {
  [Kind.STR]: 'str',
  [Kind.INT]: 'int',
  [Kind.FLOAT]: 'float',
  [Kind.BOOL]: 'bool',
  [Kind.TIMESTAMP]: 'timestampUs',
  [Kind.JSON]: 'json',
  [Kind.BYTES]: 'bytes',
  [Kind.ENUM]: 'enum',
  [Kind.REF]: 'ref',
};

/** Kinds whose values have an order, and so can be indexed, sorted by and compared. */
export const orderedKinds: ReadonlySet<ValueKind> = new Set<ValueKind>([
  'str',
  'int',
  'float',
  'bool',
  'timestampUs',
  'bytes',
  'enum',
  'ref',
]);

/** Throws INVALID_SCHEMA with the path of the first fault. */
export function compileSchema(definition: Schema): CompiledSchema {
  const nodeTypes = new Map<number, CompiledNodeType>();
  for (const type of definition.nodeTypes) {
    const at = `node type ${type.name || type.id}`;
    if (type.id === 0) throw invalid(at, 'its id is 0');
    if (nodeTypes.has(type.id)) throw invalid(at, `its id ${type.id} is given twice`);
    nodeTypes.set(type.id, compileNodeType(type, at));
  }
  const edgeTypes = new Map<number, CompiledEdgeType>();
  for (const type of definition.edgeTypes) {
    const at = `edge type ${type.name || type.id}`;
    if (type.id === 0) throw invalid(at, 'its id is 0');
    if (edgeTypes.has(type.id)) throw invalid(at, `its id ${type.id} is given twice`);
    for (const field of type.fields) {
      if (field.unique || field.indexed || field.searchable)
        throw invalid(
          `${at}, field ${field.name}`,
          'fields of edges cannot be unique, indexed or searchable',
        );
    }
    const fields = compileFields(type.fields, at);
    edgeTypes.set(type.id, {
      definition: type,
      id: type.id,
      name: type.name,
      fields,
      required: [...fields.values()].filter((field) => field.definition.required),
      fromTypes: new Set(type.fromTypeIds),
      toTypes: new Set(type.toTypeIds),
    });
  }
  return { fingerprint: schemaFingerprint(definition), definition, nodeTypes, edgeTypes };
}

function compileNodeType(type: NodeType, at: string): CompiledNodeType {
  const fields = compileFields(type.fields, at);
  const all = [...fields.values()];
  const unique = new Map<string, UniqueKey>();
  for (const field of all) {
    if (field.definition.unique)
      unique.set(String(field.id), { name: String(field.id), fieldIds: [field.id] });
  }
  for (const constraint of type.unique) {
    const fieldIds = [...new Set(constraint.fieldIds)].sort((a, b) => a - b);
    if (fieldIds.length === 0)
      throw invalid(at, `the unique constraint ${constraint.name} has no field`);
    for (const id of fieldIds) {
      const field = fields.get(id);
      if (!field)
        throw invalid(
          at,
          `the unique constraint ${constraint.name} names a field ${id} that is not there`,
        );
      if (field.list || !orderedKinds.has(field.kind))
        throw invalid(
          at,
          `the unique constraint ${constraint.name} names the field ${field.name}, which cannot be unique`,
        );
    }
    const name = fieldIds.join(',');
    unique.set(name, { name, fieldIds });
  }
  return {
    definition: type,
    id: type.id,
    name: type.name,
    fields,
    required: all.filter((field) => field.definition.required),
    indexed: all.filter((field) => field.definition.indexed),
    searchable: all.filter((field) => field.definition.searchable),
    unique: [...unique.values()],
  };
}

function compileFields(
  definitions: readonly FieldDefinition[],
  at: string,
): ReadonlyMap<number, CompiledField> {
  const fields = new Map<number, CompiledField>();
  const names = new Set<string>();
  for (const definition of [...definitions].sort((a, b) => a.id - b.id)) {
    const where = `${at}, field ${definition.name || definition.id}`;
    if (definition.id === 0) throw invalid(where, 'its id is 0');
    if (fields.has(definition.id)) throw invalid(where, `its id ${definition.id} is given twice`);
    if (definition.name === '' || names.has(definition.name))
      throw invalid(where, 'its name is empty or given twice');
    if (definition.kind === Kind.UNSPECIFIED) throw invalid(where, 'it has no kind');
    const kind = valueKinds[definition.kind];
    if (kind === undefined) throw invalid(where, `it has the unknown kind ${definition.kind}`);
    if ((definition.unique || definition.indexed) && (definition.list || !orderedKinds.has(kind))) {
      throw invalid(where, 'lists and json cannot be unique or indexed');
    }
    if (definition.searchable && kind !== 'str') throw invalid(where, 'only str can be searchable');
    if (kind === 'enum' && new Set(definition.enumValues).size !== definition.enumValues.length)
      throw invalid(where, 'an enum value is given twice');
    if (kind === 'enum' && definition.enumValues.length === 0)
      throw invalid(where, 'the enum has no values');
    if (kind !== 'enum' && definition.enumValues.length > 0)
      throw invalid(where, 'only an enum has enum values');
    if (kind !== 'ref' && definition.refTypeId !== 0)
      throw invalid(where, 'only a ref refers to a type');
    names.add(definition.name);
    fields.set(definition.id, {
      definition,
      id: definition.id,
      name: definition.name,
      kind,
      list: definition.list,
    });
  }
  return fields;
}

function invalid(where: string, problem: string): EntError {
  return new EntError('INVALID_SCHEMA', `${where}: ${problem}`, { field: 'schema' });
}
