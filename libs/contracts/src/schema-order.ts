import type { Schema, UniqueConstraint } from './gen/entdb/v1/schema_pb.ts';

/**
 * The same schema in the one order that does not depend on who wrote it: types and fields by ids, unique constraints by their field ids.
 * Enum values keep their own order, which belongs to the client.
 */
export function canonicalOrder(schema: Schema): Schema {
  return {
    ...schema,
    nodeTypes: byId(schema.nodeTypes).map((type) => ({
      ...type,
      fields: byId(type.fields),
      unique: type.unique
        .map((constraint) => ({ ...constraint, fieldIds: idSet(constraint.fieldIds) }))
        .sort(compareUnique),
    })),
    edgeTypes: byId(schema.edgeTypes).map((type) => ({
      ...type,
      fromTypeIds: idSet(type.fromTypeIds),
      toTypeIds: idSet(type.toTypeIds),
      fields: byId(type.fields),
    })),
  };
}

/** Ascending, each once. */
export function idSet(ids: readonly number[]): number[] {
  return [...new Set(ids)].sort((a, b) => a - b);
}

function byId<T extends { readonly id: number }>(items: readonly T[]): T[] {
  return items.toSorted((a, b) => a.id - b.id);
}

function compareUnique(a: UniqueConstraint, b: UniqueConstraint): number {
  return compareIds(a.fieldIds, b.fieldIds) || compareText(a.name, b.name);
}

function compareIds(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

/** By UTF-8 bytes: the same in every language. */
function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
