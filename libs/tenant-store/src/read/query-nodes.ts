import { toBinary } from '@bufbuild/protobuf';
import { EntError } from '@entdb/base';
import {
  checkFilter,
  QueryNodesRequestSchema,
  type Filter,
  type QueryNodesRequest,
  type QueryNodesResponse,
} from '@entdb/contracts';
import { matches } from '../filter.ts';
import type { CatalogCache } from './catalog-cache.ts';
import { examinedMax, gatheredMax, pageSizeOf } from './limits.ts';
import { countIndexed, narrowestOf, nodesWithin } from './narrow.ts';
import { decodePageToken, encodePageToken, queryHashOf } from './page-token.ts';
import { comparePlaces, isPlaceKey, placeOf, type Place } from './place.ts';
import { planQuery, type Narrowing, type QueryPlan } from './plan.ts';
import type { ReadFile } from './read-file.ts';
import { walkNodes, type Passed } from './walk.ts';

/**
 * One page of the nodes of a type that match. The filter is applied before the page is cut. A page that has looked at `examinedMax` nodes
 * ends there, and its token goes on behind the last of them. Each page is of the state of its own time: a node that did not move is on
 * exactly one page.
 */
export function queryNodes(
  file: ReadFile,
  catalogs: CatalogCache,
  request: QueryNodesRequest,
): QueryNodesResponse {
  return file.readActive(({ position }) => {
    const { typeId, filter } = request;
    if (typeId === 0) {
      throw new EntError('INVALID_ARGUMENT', 'type_id: 0 is no type', {
        field: 'type_id',
        hint: 'a query is of one node type',
      });
    }
    const type = catalogs.current().compiled.nodeTypes.get(typeId);
    if (filter) checkFilter(filter, type, 'filter');
    const plan = planQuery(filter, request.orderBy, type);
    const query = { file, typeId, filter, plan };
    const after = request.pageToken === '' ? undefined : placeAfter(request, file.tenantId, plan);
    const page = pageOf(passedBy(query, after), filter, pageSizeOf(request.pageSize));
    return {
      $typeName: 'entdb.v1.QueryNodesResponse',
      nodes: page.nodes.map(({ node }) => node),
      nextPageToken: page.next ? tokenOf(request, file.tenantId, page.next) : '',
      // A count is of all pages, and so belongs to the first.
      ...(request.count && !after && { total: BigInt(countMatches(query)) }),
      position,
    };
  });
}

interface Query {
  readonly file: ReadFile;
  readonly typeId: number;
  readonly filter: Filter | undefined;
  readonly plan: QueryPlan;
}

function passedBy({ file, typeId, plan }: Query, after: Place | undefined): Iterable<Passed> {
  const narrowest = narrowestOf(file, typeId, plan.narrowings, gatheredMax);
  if (narrowest && !isOfWalk(narrowest, plan)) {
    return gathered(nodesWithin(file, typeId, narrowest), plan, after);
  }
  return walkNodes(plan.walk, { file, typeId, descending: plan.order.descending, after });
}

/** Such a walk sees no more than the narrowing has, and need not see all of it. */
function isOfWalk({ index, fieldId }: Narrowing, { walk }: QueryPlan): boolean {
  return index === 'field' && 'fieldId' in walk && walk.fieldId === fieldId;
}

function gathered(
  nodes: Iterable<Passed['node']>,
  { order }: QueryPlan,
  after: Place | undefined,
): readonly Passed[] {
  const { descending } = order;
  const passed: Passed[] = [];
  for (const node of nodes) {
    const place = placeOf(node, order);
    if (!after || comparePlaces(after, place, descending) < 0)
      passed.push({ place, node, counts: true });
  }
  return passed.sort((a, b) => comparePlaces(a.place, b.place, descending));
}

interface Page {
  readonly nodes: readonly Passed[];
  /** Behind which place the next page begins; undefined where there is none. */
  readonly next: Place | undefined;
}

function pageOf(source: Iterable<Passed>, filter: Filter | undefined, pageSize: number): Page {
  const nodes: Passed[] = [];
  let last: Passed | undefined;
  let examined = 0;
  for (const passed of source) {
    if (examined++ === examinedMax) return { nodes, next: last?.place };
    const isMatch = passed.counts && (!filter || matches(filter, passed.node.fields));
    // One more than the page: only then does a next page exist.
    if (isMatch && nodes.length === pageSize) return { nodes, next: nodes.at(-1)?.place };
    if (isMatch) nodes.push(passed);
    last = passed;
  }
  return { nodes, next: undefined };
}

/** Exact, whatever it costs: without a filter, or with one that an index answers alone, an index is counted; else every node is judged. */
function countMatches({ file, typeId, filter, plan }: Query): number {
  if (!filter) {
    const sql = 'SELECT count(*) AS count FROM nodes WHERE type = ?';
    return file.prepare<[number], { count: number }>(sql).get(typeId)?.count ?? 0;
  }
  const exact = plan.narrowings.find((narrowing) => narrowing.exact);
  if (exact) return countIndexed(file, typeId, exact);
  const narrowest = narrowestOf(file, typeId, plan.narrowings, Number.MAX_SAFE_INTEGER - 1);
  const nodes = narrowest ? nodesWithin(file, typeId, narrowest) : allNodes(file, typeId);
  let count = 0;
  for (const node of nodes) if (matches(filter, node.fields)) count++;
  return count;
}

function* allNodes(file: ReadFile, typeId: number): Generator<Passed['node']> {
  const everywhere = { file, typeId, descending: false, after: undefined };
  for (const { node } of walkNodes({ over: 'id' }, everywhere)) yield node;
}

function queryHash(request: QueryNodesRequest, tenantId: string): Buffer {
  const { scope: _scope, ...query } = request;
  const asked = { ...query, pageSize: 0, pageToken: '', count: false };
  return queryHashOf('QueryNodes', tenantId, toBinary(QueryNodesRequestSchema, asked));
}

function tokenOf(request: QueryNodesRequest, tenantId: string, { value, id }: Place): string {
  return encodePageToken(queryHash(request, tenantId), [value, id]);
}

function placeAfter(request: QueryNodesRequest, tenantId: string, { order }: QueryPlan): Place {
  const hash = queryHash(request, tenantId);
  const [value, id] = decodePageToken(request.pageToken, hash, isPlaceKey(order));
  return { value, id };
}
