import type { Node } from '@entdb/contracts';
import type { NodeRow } from '../rows.ts';
import { columnsOf, type Indexed } from './node-rows.ts';
import type { Narrowing } from './plan.ts';
import type { ReadFile } from './read-file.ts';
import { indexedNode } from './walk.ts';

/** The narrowing with the fewest nodes, of those that have at most `most`. */
export function narrowestOf(
  file: ReadFile,
  typeId: number,
  narrowings: readonly Narrowing[],
  most: number,
): Narrowing | undefined {
  let best: { readonly narrowing: Narrowing; readonly count: number } | undefined;
  for (const narrowing of narrowings) {
    const limit = best ? best.count - 1 : most;
    const count = countUpTo(file, typeId, narrowing, limit + 1);
    if (count <= limit) best = { narrowing, count };
    if (best?.count === 0) break;
  }
  return best?.narrowing;
}

/** The number of nodes in the ranges. Reads the index only. */
export function countIndexed(file: ReadFile, typeId: number, narrowing: Narrowing): number {
  return countUpTo(file, typeId, narrowing, Number.MAX_SAFE_INTEGER);
}

function countUpTo(file: ReadFile, typeId: number, narrowing: Narrowing, most: number): number {
  const { table, column, name } = tableOf(narrowing);
  const sql = `SELECT count(*) AS count FROM (SELECT 1 FROM ${table}
    WHERE type = ? AND ${column} = ? AND value >= ? AND value < ? LIMIT ?)`;
  const counts = file.prepare<[number, number | string, Buffer, Buffer, number], { count: number }>(
    sql,
  );
  let count = 0;
  for (const { from, to } of narrowing.ranges) {
    if (count >= most) break;
    count += counts.get(typeId, name, from, to, most - count)?.count ?? 0;
  }
  return count;
}

/** The nodes in the ranges, verified. */
export function* nodesWithin(
  file: ReadFile,
  typeId: number,
  narrowing: Narrowing,
): Generator<Node> {
  const { table, column, name } = tableOf(narrowing);
  const sql = `SELECT f.value AS index_key, f.node_id, ${columnsOf('node', 'n')}
    FROM ${table} f LEFT JOIN nodes n ON n.id = f.node_id
    WHERE f.type = ? AND f.${column} = ? AND f.value >= ? AND f.value < ?`;
  const rows = file.prepare<
    [number, number | string, Buffer, Buffer],
    Indexed<NodeRow> & { readonly index_key: Buffer; readonly node_id: string }
  >(sql);
  for (const { from, to } of narrowing.ranges) {
    for (const row of rows.iterate(typeId, name, from, to)) {
      yield indexedNode(row, table, typeId, narrowing.fieldId);
    }
  }
}

function tableOf({ index, fieldId }: Narrowing) {
  return index === 'unique'
    ? ({ table: 'unique_keys', column: 'name', name: String(fieldId) } as const)
    : ({ table: 'field_index', column: 'field', name: fieldId } as const);
}
