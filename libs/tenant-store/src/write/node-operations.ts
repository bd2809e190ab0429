import { InvariantError } from '@entdb/base';
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
import { Rejection, rejectionOf } from './rejection.ts';
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
  const keys = type ? uniqueKeysOf(type, fields) : [];
  const taken = type && takenKeyOf(scope, type, keys);
  const objection = rejectionOf(() => {
    judgeRequired(fields, type, `${path}.fields`);
    judgeReferences(scope.nodes, fields, type, `${path}.fields`, { id, typeId });
  });
  // The insert itself finds out whether the id is taken: asking before would cost every create what only few need.
  const free = !taken && !objection;
  if (free && scope.nodes.insert({ id, typeId, fields, timeUs: scope.timeUs }, type, keys))
    return { id, changed: true };

  // What is in the way: the id itself, else the first unique key in the catalog's order, else what is wrong with the node.
  const holder = scope.nodes.find(id);
  const existing = holder ?? taken?.owner;
  if (!existing) throw objection ?? new InvariantError(`the id ${id} is taken by nobody`);
  if (operation.onConflict !== OnConflict.SKIP)
    throw taken && !holder
      ? uniqueViolation(type, taken.key, existing.id, `${path}.fields`)
      : alreadyExists(id, path);
  if (existing.type !== typeId) throw wrongType(existing, typeId, path);
  scope.substitutes.add(id, existing.id);
  return { id: existing.id, changed: false };
};

interface TakenKey {
  readonly key: BoundKey;
  readonly owner: Pick<NodeRow, 'id' | 'type'>;
}

/** The first unique key, in the catalog's order, that another node holds. */
function takenKeyOf(
  scope: Scope,
  type: NonNullable<KnownType>,
  keys: readonly BoundKey[],
): TakenKey | undefined {
  for (const key of keys) {
    const owner = scope.nodes.ownerOf(type, key);
    if (owner !== undefined) return { key, owner: { id: owner, type: type.id } };
  }
  return undefined;
}

function alreadyExists(id: string, path: string): Rejection {
  return new Rejection('ALREADY_EXISTS', `there is a node ${JSON.stringify(id)} already`, {
    field: `${path}.id`,
    metadata: { existing_id: id },
  });
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
