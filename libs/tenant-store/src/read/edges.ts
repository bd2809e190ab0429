import { toBinary } from '@bufbuild/protobuf';
import {
  decodeFields,
  Direction,
  ListEdgesRequestSchema,
  type Edge,
  type ListEdgesRequest,
  type ListEdgesResponse,
} from '@entdb/contracts';
import { columns, verifyEdge, type EdgeRow } from '../rows.ts';
import { pageSizeOf } from './limits.ts';
import { decodePageToken, encodePageToken, queryHashOf, type KeyPart } from './page-token.ts';
import type { ReadFile } from './read-file.ts';

/** Which edges of which node. */
export interface EdgeSelection {
  readonly nodeId: string;
  readonly direction: Direction;
  /** Empty for all. */
  readonly edgeTypeIds: readonly number[];
}

/** Where an edge stands among those of its node: edge type, id of the other node, key. */
type EdgePlace = readonly [number, string, string];

/** One page of a node's edges, in ascending order of (type, other id, key). */
export function listEdges(file: ReadFile, request: ListEdgesRequest): ListEdgesResponse {
  return file.readActive(({ position }) => {
    const hash = () => queryHash(request, file.tenantId);
    const after =
      request.pageToken === ''
        ? undefined
        : decodePageToken(request.pageToken, hash(), isEdgePlace);
    const pageSize = pageSizeOf(request.pageSize);
    const rows: EdgeRow[] = [];
    let nextPageToken = '';
    for (const row of edgesOf(file, request, after)) {
      const last = rows.at(-1);
      if (rows.length === pageSize && last) {
        nextPageToken = encodePageToken(hash(), [
          last.type,
          otherEnd(last, request.direction),
          last.key,
        ]);
        break;
      }
      rows.push(row);
    }
    return {
      $typeName: 'entdb.v1.ListEdgesResponse',
      edges: rows.map(edgeOf),
      nextPageToken,
      position,
    };
  });
}

/** The edges behind a place, each verified. Rows are read as they are asked for. */
export function* edgesOf(
  file: ReadFile,
  { nodeId, direction, edgeTypeIds }: EdgeSelection,
  after?: EdgePlace,
): Generator<EdgeRow> {
  const isIn = direction === Direction.IN;
  const [own, other] = isIn ? ['to_id', 'from_id'] : ['from_id', 'to_id'];
  if (edgeTypeIds.length === 0) {
    const sql = `SELECT ${columns.edge} FROM edges
      WHERE ${own} = ? AND (type, ${other}, key) > (?, ?, ?) ORDER BY type, ${other}, key`;
    const rows = file.prepare<[string, ...EdgePlace], EdgeRow>(sql);
    for (const row of rows.iterate(nodeId, ...(after ?? [-1, '', '']))) yield verifyEdge(row);
    return;
  }
  const sql = `SELECT ${columns.edge} FROM edges
    WHERE ${own} = ? AND type = ? AND (${other}, key) > (?, ?) ORDER BY ${other}, key`;
  const rows = file.prepare<[string, number, string, string], EdgeRow>(sql);
  for (const type of [...new Set(edgeTypeIds)].sort((a, b) => a - b)) {
    if (after && type < after[0]) continue;
    const [otherId, key] = after && type === after[0] ? [after[1], after[2]] : ['', ''];
    for (const row of rows.iterate(nodeId, type, otherId, key)) yield verifyEdge(row);
  }
}

export function otherEnd(row: EdgeRow, direction: Direction): string {
  return direction === Direction.IN ? row.from_id : row.to_id;
}

function edgeOf(row: EdgeRow): Edge {
  return {
    $typeName: 'entdb.v1.Edge',
    typeId: row.type,
    fromId: row.from_id,
    toId: row.to_id,
    key: row.key,
    fields: decodeFields(row.fields),
    createdAtUs: BigInt(row.created_at),
  };
}

function isEdgePlace(key: readonly KeyPart[]): key is EdgePlace {
  const [type, other, name, ...more] = key;
  return (
    Number.isSafeInteger(type) &&
    typeof other === 'string' &&
    typeof name === 'string' &&
    more.length === 0
  );
}

function queryHash(request: ListEdgesRequest, tenantId: string): Buffer {
  const { scope: _scope, ...query } = request;
  const asked = { ...query, pageSize: 0, pageToken: '' };
  return queryHashOf('ListEdges', tenantId, toBinary(ListEdgesRequestSchema, asked));
}
