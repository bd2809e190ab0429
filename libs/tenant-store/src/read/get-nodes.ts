import { EntError } from '@entdb/base';
import {
  checkValue,
  checkFieldValue,
  type AnyValue,
  type CompiledField,
  type CompiledNodeType,
  type GetNodeByKeyRequest,
  type GetNodeByKeyResponse,
  type GetNodeRequest,
  type GetNodeResponse,
  type GetNodesRequest,
  type GetNodesResponse,
  type Node,
} from '@entdb/contracts';
import { combinedKey } from '../order-key.ts';
import type { NodeRow } from '../rows.ts';
import type { CatalogCache } from './catalog-cache.ts';
import { idsMax } from './limits.ts';
import { columnsOf, findNode, nodeOf, strayIndex, type Indexed } from './node-rows.ts';
import type { ReadFile } from './read-file.ts';

export function getNode(file: ReadFile, { id, typeId }: GetNodeRequest): GetNodeResponse {
  return file.readActive(({ position }) => {
    const node = findNode(file, id);
    if (!node || !isOfType(node, typeId))
      return { $typeName: 'entdb.v1.GetNodeResponse', position };
    return { $typeName: 'entdb.v1.GetNodeResponse', node, position };
  });
}

function isOfType(node: Node, typeId: number): boolean {
  return typeId === 0 || node.typeId === typeId;
}

/** Throws INVALID_ARGUMENT for more than `idsMax` ids. */
export function getNodes(file: ReadFile, { ids, typeId }: GetNodesRequest): GetNodesResponse {
  if (ids.length > idsMax) {
    throw new EntError('INVALID_ARGUMENT', `ids: ${ids.length} are more than ${idsMax}`, {
      field: 'ids',
      hint: 'ask in several calls',
    });
  }
  return file.readActive(({ position }) => {
    const nodes: Node[] = [];
    const missingIds: string[] = [];
    for (const id of ids) {
      const node = findNode(file, id);
      if (node && isOfType(node, typeId)) nodes.push(node);
      else missingIds.push(id);
    }
    return { $typeName: 'entdb.v1.GetNodesResponse', nodes, missingIds, position };
  });
}

/** Throws INVALID_ARGUMENT where the type has no such unique key, WRONG_KIND or INVALID_VALUE for a value that cannot be in it. */
export function getNodeByKey(
  file: ReadFile,
  catalogs: CatalogCache,
  { typeId, key }: GetNodeByKeyRequest,
): GetNodeByKeyResponse {
  return file.readActive(({ position }) => {
    const type = catalogs.current().compiled.nodeTypes.get(typeId);
    const fields = keyFieldsOf(type, typeId, Object.keys(key).map(Number));
    const values = fields.map((field): AnyValue => {
      const path = `key[${field.id}]`;
      const wanted = key[field.id];
      if (!wanted) throw new EntError('INVALID_VALUE', `${path}: it is absent`, { field: path });
      const value = checkValue(wanted, path);
      checkFieldValue(value, field, type?.name ?? '', path);
      return value;
    });
    const node = findByKey(file, typeId, fields, combinedKey(values));
    if (!node) return { $typeName: 'entdb.v1.GetNodeByKeyResponse', position };
    return { $typeName: 'entdb.v1.GetNodeByKeyResponse', node, position };
  });
}

/** The fields of the unique key that has exactly these, in ascending order of ids. */
function keyFieldsOf(
  type: CompiledNodeType | undefined,
  typeId: number,
  ids: readonly number[],
): readonly CompiledField[] {
  const name = [...ids].sort((a, b) => a - b).join(',');
  const unique = type?.unique.find((candidate) => candidate.name === name);
  if (type && unique) return unique.fieldIds.flatMap((id) => type.fields.get(id) ?? []);
  const known = type?.unique.map((candidate) => candidate.name).join(' or ');
  throw new EntError(
    'INVALID_ARGUMENT',
    `key: ${type?.name ?? `type ${typeId}`} has no unique key of the fields ${name || '(none)'}`,
    {
      field: 'key',
      hint: known
        ? `its unique keys are of the fields ${known}`
        : 'it has no unique key: declare one in the schema, or query instead',
    },
  );
}

function findByKey(
  file: ReadFile,
  typeId: number,
  fields: readonly CompiledField[],
  value: Buffer,
): Node | undefined {
  const name = fields.map(({ id }) => id).join(',');
  const sql = `SELECT u.node_id, ${columnsOf('node', 'n')} FROM unique_keys u LEFT JOIN nodes n ON n.id = u.node_id
    WHERE u.type = ? AND u.name = ? AND u.value = ?`;
  type Row = Indexed<NodeRow> & { readonly node_id: string };
  const row = file.prepare<[number, string, Buffer], Row>(sql).get(typeId, name, value);
  if (!row) return undefined;
  if (row.id === null) throw strayIndex('unique_keys', row.node_id, 'leads to no node');
  const node = nodeOf(row as NodeRow); // null columns fail its checksum
  const held = fields
    .flatMap(({ id }) => node.fields[id]?.kind ?? [])
    .filter((kind) => kind.case !== undefined);
  const agrees =
    node.typeId === typeId && held.length === fields.length && combinedKey(held).equals(value);
  if (!agrees)
    throw strayIndex('unique_keys', row.node_id, `has a key ${name} that the node does not have`);
  return node;
}
