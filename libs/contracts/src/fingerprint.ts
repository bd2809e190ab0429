import { hash } from 'node:crypto';
import type { FieldDefinition, Schema } from './gen/entdb/v1/schema_pb.ts';
import { canonicalOrder } from './schema-order.ts';

/** `sha256:` and the hash of the canonical form. Any language can compute it (docs/formats/schema.md). */
export function schemaFingerprint(schema: Schema): string {
  return `sha256:${hash('sha256', canonicalSchema(schema), 'hex')}`;
}

/** Compact JSON: everything in canonical order, keys in the order below, and nothing that has its default. */
export function canonicalSchema(schema: Schema): string {
  const { nodeTypes, edgeTypes } = canonicalOrder(schema);
  return JSON.stringify({
    node_types: nodeTypes.map(({ id, name, fields, unique }) => ({
      id,
      name,
      fields: orNothing(fields.map(canonicalField)),
      unique: orNothing(
        unique.map((constraint) => ({ name: constraint.name, field_ids: constraint.fieldIds })),
      ),
    })),
    edge_types: edgeTypes.map(({ id, name, fromTypeIds, toTypeIds, fields }) => ({
      id,
      name,
      from_type_ids: orNothing(fromTypeIds),
      to_type_ids: orNothing(toTypeIds),
      fields: orNothing(fields.map(canonicalField)),
    })),
  });
}

function canonicalField(field: FieldDefinition) {
  return {
    id: field.id,
    name: field.name,
    kind: field.kind,
    list: field.list || undefined,
    required: field.required || undefined,
    unique: field.unique || undefined,
    indexed: field.indexed || undefined,
    searchable: field.searchable || undefined,
    enum_values: orNothing(field.enumValues),
    ref_type_id: field.refTypeId || undefined,
  };
}

function orNothing<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length > 0 ? items : undefined;
}
