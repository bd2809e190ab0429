import { toBinary } from '@bufbuild/protobuf';
import {
  SearchNodesRequestSchema,
  type SearchNodesRequest,
  type SearchNodesResponse,
} from '@entdb/contracts';
import type { NodeRow } from '../rows.ts';
import { pageSizeOf } from './limits.ts';
import { matchExpression } from './match-expression.ts';
import { columnsOf, nodeOf, strayIndex, type Indexed } from './node-rows.ts';
import { decodePageToken, encodePageToken, queryHashOf, type KeyPart } from './page-token.ts';
import type { ReadFile } from './read-file.ts';

/** Where a match stands: FTS5's rank (lower is better), then the id. */
type MatchPlace = readonly [number, string];

/**
 * One page of the nodes that have all words of the text, best match first. Ranks depend on all that is searchable, so writes between two
 * pages may move a node from one to the other. Each page ranks every match: its cost is that of the commonest combination of words.
 */
export function searchNodes(file: ReadFile, request: SearchNodesRequest): SearchNodesResponse {
  const expression = matchExpression(request.text);
  return file.readActive(({ position }) => {
    const hash = () => queryHash(request, file.tenantId);
    const after =
      request.pageToken === ''
        ? undefined
        : decodePageToken(request.pageToken, hash(), isMatchPlace);
    const pageSize = pageSizeOf(request.pageSize);
    const rows = matchesOf(file, expression, request.typeId, after, pageSize + 1);
    const page = rows.slice(0, pageSize);
    const nodes = page.map((row) => {
      if (row.id === null) throw strayIndex('nodes_fts', String(row.match_rid), 'leads to no node');
      return nodeOf(row as NodeRow); // null columns fail its checksum
    });
    const last = rows.length > pageSize ? page.at(-1) : undefined;
    const nextPageToken =
      last && last.id !== null ? encodePageToken(hash(), [last.match_rank, last.id]) : '';
    return { $typeName: 'entdb.v1.SearchNodesResponse', nodes, nextPageToken, position };
  });
}

type MatchRow = Indexed<NodeRow> & { readonly match_rid: number; readonly match_rank: number };

function matchesOf(
  file: ReadFile,
  expression: string,
  typeId: number,
  after: MatchPlace | undefined,
  limit: number,
): readonly MatchRow[] {
  // Ranks are computed once per match, and the rows of nodes read for the page only. A match without a node comes through, to be noticed.
  const sql = `
    WITH matches AS MATERIALIZED (SELECT rowid AS rid, rank FROM nodes_fts WHERE nodes_fts MATCH :expression),
    page AS MATERIALIZED (
      SELECT m.rid, m.rank, n.id FROM matches m LEFT JOIN nodes n ON n.rid = m.rid
      WHERE n.id IS NULL OR (
        (:typeId = 0 OR n.type = :typeId) AND (:rank IS NULL OR (m.rank, n.id) > (:rank, :id)))
      ORDER BY m.rank, n.id LIMIT :limit)
    SELECT p.rid AS match_rid, p.rank AS match_rank, ${columnsOf('node', 'n')}
    FROM page p LEFT JOIN nodes n ON n.rid = p.rid ORDER BY p.rank, p.id`;
  const [rank, id] = after ?? [null, null];
  return file.prepare<[object], MatchRow>(sql).all({ expression, typeId, rank, id, limit });
}

function isMatchPlace(key: readonly KeyPart[]): key is MatchPlace {
  const [rank, id, ...more] = key;
  return typeof rank === 'number' && typeof id === 'string' && more.length === 0;
}

function queryHash(request: SearchNodesRequest, tenantId: string): Buffer {
  const { scope: _scope, ...query } = request;
  const asked = { ...query, pageSize: 0, pageToken: '' };
  return queryHashOf('SearchNodes', tenantId, toBinary(SearchNodesRequestSchema, asked));
}
