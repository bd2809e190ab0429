import type { EdgeType, FieldDefinition, NodeType, Schema } from './gen/entdb/v1/schema_pb.ts';
import { Kind } from './gen/entdb/v1/schema_pb.ts';
import { canonicalOrder, idSet } from './schema-order.ts';

/**
 * Evolution. A tenant's catalog is the union of all schema versions it has seen, and versions live side by side: a record is judged by the
 * version that it names, a constraint by the catalog. So an incoming schema only has to agree with the catalog where both speak of the
 * same thing. It may lack types and fields, add them, relax, add enum values, index, make searchable or unique (which state decides).
 *
 * Relaxing goes one way: a version that the tenant has seen stays valid and is not judged again, but a new one that takes back what was
 * relaxed is refused, because rows and writers that make use of it exist.
 */

/** Why the incoming schema, one that the tenant has not seen, contradicts the catalog; empty where it does not. Pure. */
export function schemaConflicts(catalog: Schema, incoming: Schema): readonly string[] {
  const conflicts: string[] = [];
  const nodeTypes = new Map(catalog.nodeTypes.map((type) => [type.id, type]));
  for (const type of incoming.nodeTypes) {
    const known = nodeTypes.get(type.id);
    if (!known) continue;
    if (known.name !== type.name)
      conflicts.push(`node type ${type.id} is ${known.name}, not ${type.name}`);
    fieldConflicts(known, type, conflicts);
  }
  const edgeTypes = new Map(catalog.edgeTypes.map((type) => [type.id, type]));
  for (const type of incoming.edgeTypes) {
    const known = edgeTypes.get(type.id);
    if (!known) continue;
    if (known.name !== type.name)
      conflicts.push(`edge type ${type.id} is ${known.name}, not ${type.name}`);
    fieldConflicts(known, type, conflicts);
    endpointConflicts('from', known.fromTypeIds, type.fromTypeIds, type, conflicts);
    endpointConflicts('to', known.toTypeIds, type.toTypeIds, type, conflicts);
  }
  return conflicts;
}

function fieldConflicts(
  known: NodeType | EdgeType,
  incoming: NodeType | EdgeType,
  conflicts: string[],
): void {
  const fields = new Map(known.fields.map((field) => [field.id, field]));
  const idsByName = new Map(known.fields.map((field) => [field.name, field.id]));
  for (const field of incoming.fields) {
    const before = fields.get(field.id);
    const at = `${incoming.name}.${field.name}`;
    if (!before) {
      const namesake = idsByName.get(field.name);
      if (namesake !== undefined)
        conflicts.push(`${at}: field ${namesake} has this name, so field ${field.id} cannot`);
      if (field.required)
        conflicts.push(
          `${at}: a field that is new cannot be required, because rows and writers without it exist`,
        );
      continue;
    }
    if (before.name !== field.name)
      conflicts.push(`${at}: field ${field.id} is named ${before.name}`);
    if (before.kind !== field.kind || before.list !== field.list)
      conflicts.push(`${at}: its kind was ${shape(before)}, not ${shape(field)}`);
    if (field.required && !before.required)
      conflicts.push(`${at}: it was optional and cannot become required`);
    if (before.refTypeId !== field.refTypeId && field.refTypeId !== 0)
      conflicts.push(`${at}: it refers to type ${before.refTypeId}, not ${field.refTypeId}`);
  }
}

function shape(field: FieldDefinition): string {
  const kind =
    Object.entries(Kind)
      .find(([, value]) => value === field.kind)?.[0]
      .toLowerCase() ?? String(field.kind);
  return field.list ? `list of ${kind}` : kind;
}

function endpointConflicts(
  end: 'from' | 'to',
  known: readonly number[],
  incoming: readonly number[],
  type: EdgeType,
  conflicts: string[],
): void {
  if (incoming.length === 0) return;
  const narrowed = known.length === 0 || known.some((id) => !incoming.includes(id));
  if (narrowed) conflicts.push(`${type.name}: the types it may go ${end} cannot become fewer`);
}

/**
 * The catalog after the incoming schema: constraints and indexes add up, what the newcomer relaxes is relaxed. Call only without conflicts.
 * Pure; types and fields come out in ascending order of ids, unique constraints in the order of their field ids.
 */
export function mergeSchemas(catalog: Schema, incoming: Schema): Schema {
  return canonicalOrder({
    $typeName: 'entdb.v1.Schema',
    nodeTypes: mergeById(catalog.nodeTypes, incoming.nodeTypes, (before, after) => ({
      ...after,
      fields: mergeFields(before.fields, after.fields),
      unique: mergeUnique(before, after),
    })),
    edgeTypes: mergeById(catalog.edgeTypes, incoming.edgeTypes, (before, after) => ({
      ...after,
      fromTypeIds: widen(before.fromTypeIds, after.fromTypeIds),
      toTypeIds: widen(before.toTypeIds, after.toTypeIds),
      fields: mergeFields(before.fields, after.fields),
    })),
  });
}

function mergeById<T extends { readonly id: number }>(
  before: readonly T[],
  after: readonly T[],
  both: (before: T, after: T) => T,
): T[] {
  const merged = new Map(before.map((item) => [item.id, item]));
  for (const item of after) {
    const known = merged.get(item.id);
    merged.set(item.id, known ? both(known, item) : item);
  }
  return [...merged.values()];
}

function mergeFields(
  before: readonly FieldDefinition[],
  after: readonly FieldDefinition[],
): FieldDefinition[] {
  const merged = mergeById(before, after, (old, now) => ({
    ...now,
    unique: old.unique || now.unique,
    indexed: old.indexed || now.indexed,
    searchable: old.searchable || now.searchable,
    enumValues: [...new Set([...old.enumValues, ...now.enumValues])],
  }));
  // A version that does not know a field cannot be made to fill it.
  const idsBefore = new Set(before.map(({ id }) => id));
  const inBoth = new Set(after.map(({ id }) => id).filter((id) => idsBefore.has(id)));
  return merged.map((field) =>
    field.required && !inBoth.has(field.id) ? { ...field, required: false } : field,
  );
}

function mergeUnique(before: NodeType, after: NodeType): NodeType['unique'] {
  const merged = new Map(
    [...before.unique, ...after.unique].map((constraint) => [
      idSet(constraint.fieldIds).join(','),
      constraint,
    ]),
  );
  return [...merged.values()];
}

function widen(before: readonly number[], after: readonly number[]): number[] {
  return before.length === 0 || after.length === 0 ? [] : idSet([...before, ...after]);
}
