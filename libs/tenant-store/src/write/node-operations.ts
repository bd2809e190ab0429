import {
  decodeFields,
  encodeFields,
  OnConflict,
  type CreateNode,
  type DeleteNode,
  type Fields,
  type UpdateNode,
} from '@entdb/contracts';
import type { NodeRow } from '../rows.ts';
import { judgeClear, judgeFields, judgeRequired } from './judge-fields.ts';
import { uniqueKeysOf, type BoundKey } from './node-keys.ts';
import type { KnownType } from './node-table.ts';
import { judgeReferences } from './references.ts';
import { Rejection } from './rejection.ts';
import type { Execute, Scope } from './scope.ts';

export const createNode: Execute<CreateNode> = (scope, operation, path) => {
  const { id, typeId } = operation;
  const type = scope.schema.nodeTypes.get(typeId);
  if (id === '' || id.startsWith('$'))
    throw new Rejection('INVALID_ID', `${JSON.stringify(id)} is not the id of a node`, {
      field: `${path}.id`,
    });
  judgeFields(operation.fields, type, `${path}.fields`);
  const fields = scope.substitutes.fields(operation.fields);
  const conflict = conflictOf(scope, id, type, fields, path);
  if (conflict) {
    if (operation.onConflict !== OnConflict.SKIP) throw conflict.rejection;
    if (conflict.existing.type !== typeId) throw wrongType(conflict.existing, typeId, path);
    scope.substitutes.add(id, conflict.existing.id);
    return { id: conflict.existing.id, changed: false };
  }
  judgeRequired(fields, type, `${path}.fields`);
  judgeReferences(scope.nodes, fields, type, `${path}.fields`, { id, typeId });
  scope.nodes.insert({ id, typeId, fields, timeUs: scope.timeUs }, type);
  return { id, changed: true };
};

interface Conflict {
  readonly existing: Pick<NodeRow, 'id' | 'type'>;
  readonly rejection: Rejection;
}

/** What is there already: the id itself, else the holder of the first unique key in the catalog's order. */
function conflictOf(
  scope: Scope,
  id: string,
  type: KnownType,
  fields: Fields,
  path: string,
): Conflict | undefined {
  const existing = scope.nodes.find(id);
  if (existing) {
    const rejection = new Rejection(
      'ALREADY_EXISTS',
      `there is a node ${JSON.stringify(id)} already`,
      { field: `${path}.id`, metadata: { existing_id: id } },
    );
    return { existing, rejection };
  }
  for (const bound of type ? uniqueKeysOf(type, fields) : []) {
    const owner = type && scope.nodes.ownerOf(type, bound);
    if (owner !== undefined)
      return {
        existing: { id: owner, type: type!.id },
        rejection: uniqueViolation(type!, bound, owner, `${path}.fields`),
      };
  }
  return undefined;
}

function uniqueViolation(
  type: NonNullable<KnownType>,
  { key }: BoundKey,
  owner: string,
  path: string,
): Rejection {
  const names = key.fieldIds.map((id) => type.fields.get(id)?.name ?? String(id)).join(', ');
  return new Rejection('UNIQUE_VIOLATION', `another ${type.name} has the same ${names}`, {
    field: key.fieldIds.length === 1 ? `${path}[${key.name}]` : path,
    metadata: { existing_id: owner, type_id: String(type.id), field_ids: key.name },
  });
}

export const updateNode: Execute<UpdateNode> = (scope, operation, path) => {
  const id = scope.substitutes.id(operation.id);
  const row = scope.nodes.find(id);
  if (!row)
    throw new Rejection('NOT_FOUND', `there is no node ${JSON.stringify(id)}`, {
      field: `${path}.id`,
      metadata: { node_id: id },
    });
  if (row.type !== operation.typeId) throw wrongType(row, operation.typeId, path);
  const type = scope.schema.nodeTypes.get(row.type);
  judgeFields(operation.set, type, `${path}.set`);
  judgeClear(operation.clear, type, `${path}.clear`);
  const set = scope.substitutes.fields(operation.set);
  judgeReferences(scope.nodes, set, type, `${path}.set`);

  const before = decodeFields(row.fields);
  const after: Fields = { ...before, ...set };
  for (const field of operation.clear) delete after[field];
  const bytes = encodeFields(after);
  if (bytes.equals(row.fields)) return { id, changed: false };
  if (type) judgeNewKeys(scope, type, before, after, path);
  scope.nodes.update(row, { fields: after, bytes, timeUs: scope.timeUs }, type);
  return { id, changed: true };
};

function judgeNewKeys(
  scope: Scope,
  type: NonNullable<KnownType>,
  before: Fields,
  after: Fields,
  path: string,
): void {
  const held = uniqueKeysOf(type, before);
  for (const bound of uniqueKeysOf(type, after)) {
    if (held.some((own) => own.key.name === bound.key.name && own.value.equals(bound.value)))
      continue;
    const owner = scope.nodes.ownerOf(type, bound);
    if (owner !== undefined) throw uniqueViolation(type, bound, owner, `${path}.set`);
  }
}

export const deleteNode: Execute<DeleteNode> = (scope, operation, path) => {
  const id = scope.substitutes.id(operation.id);
  const row = scope.nodes.find(id);
  if (!row) return { id, changed: false };
  if (row.type !== operation.typeId) throw wrongType(row, operation.typeId, path);
  removeNode(scope, row);
  return { id, changed: true };
};

/** The node, its edges and all that is derived of it. Refs to it dangle. */
export function removeNode(scope: Scope, row: NodeRow): void {
  scope.edges.removeOf(row.id);
  scope.nodes.remove(row, scope.schema.nodeTypes.get(row.type));
}

function wrongType(row: Pick<NodeRow, 'id' | 'type'>, wanted: number, path: string): Rejection {
  return new Rejection(
    'TYPE_MISMATCH',
    `the node ${JSON.stringify(row.id)} is of type ${row.type}, not ${wanted}`,
    {
      field: `${path}.type_id`,
      metadata: { existing_id: row.id, type_id: String(row.type) },
    },
  );
}
