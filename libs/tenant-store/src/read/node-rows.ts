import { EntError } from '@entdb/base';
import { decodeFields, type Fields, type Node } from '@entdb/contracts';
import { orderKey } from '../order-key.ts';
import { columns, verifyNode, type NodeRow } from '../rows.ts';
import type { ReadFile } from './read-file.ts';

/** The columns of a row as those of a table in a join: `n.id, n.type` and so on. */
export function columnsOf(row: keyof typeof columns, table: string): string {
  return columns[row]
    .split(', ')
    .map((column) => `${table}.${column}`)
    .join(', ');
}

/** A node that an index led to: the columns of the node are null where it leads nowhere. */
export type Indexed<Row> = { readonly [Column in keyof Row]: Row[Column] | null };

/** The node of a row, verified. */
export function nodeOf(row: NodeRow): Node {
  const { id, type, version, created_at, updated_at, fields } = verifyNode(row);
  return {
    $typeName: 'entdb.v1.Node',
    id,
    typeId: type,
    fields: decodeFields(fields),
    version: BigInt(version),
    createdAtUs: BigInt(created_at),
    updatedAtUs: BigInt(updated_at),
  };
}

// One text for all calls: the hottest read does not pay for making it.
const nodeById = `SELECT ${columns.node} FROM nodes WHERE id = ?`;

export function findNode(file: ReadFile, id: string): Node | undefined {
  const row = file.prepare<[string], NodeRow>(nodeById).get(id);
  if (!row) return undefined;
  const node = nodeOf(row);
  if (node.id !== id) throw strayIndex('nodes.id', id, `leads to the node ${node.id}`);
  return node;
}

/** What an index on the field has of a node; null where the node is not in it. */
export function indexKeyOf(fields: Fields, fieldId: number): Buffer | null {
  const kind = fields[fieldId]?.kind;
  if (kind?.case === undefined || kind.case === 'list' || kind.case === 'json') return null;
  return orderKey(kind);
}

/** An index and the rows do not tell the same: following it would give a wrong answer. */
export function strayIndex(index: string, key: string, problem: string): EntError {
  return new EntError('STORE_CORRUPT', `the ${index} row of ${JSON.stringify(key)} ${problem}`, {
    hint: 'the file is rebuilt from the log; keep the damaged one for forensics',
    metadata: { table: index, key },
  });
}
