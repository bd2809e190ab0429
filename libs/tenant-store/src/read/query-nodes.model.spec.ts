import fc from 'fast-check';
import {
  val,
  type AnyValue,
  type Fields,
  type Filter,
  type OrderBy,
  type QueryNodesRequest,
} from '@entdb/contracts';
import { matches } from '../filter.ts';
import {
  arbitraryFields,
  arbitraryFilter,
  arbitraryOrder,
  arbitraryRangeInOrder,
  everything,
  everythingTypeId,
  targetIds,
  targetTypeId,
} from './testing/queries.ts';
import {
  createNode,
  deleteNode,
  openTestTenant,
  updateNode,
  type TestTenant,
} from './testing/tenant.ts';

/**
 * Queries against a naive evaluation in memory: filter, sort and cut of all rows. The model compares values by JavaScript's own operators and
 * knows neither keys nor indexes.
 */

interface ModelNode {
  readonly id: string;
  readonly fields: Fields;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

const startMs = 1_700_000_000_000;
const rowCount = 250;
// Ids whose order in UTF-8 is not that of JavaScript strings.
const idOf = (i: number) => `${['n', 'é', '\uffee', '𝄞'][i % 4]}-${i}`;

function build(seed: number): {
  readonly tenant: TestTenant;
  readonly nodes: Map<string, ModelNode>;
} {
  const tenant = openTestTenant(everything);
  tenant.write(...targetIds.map((id) => createNode(targetTypeId, id)));
  const nodes = new Map<string, ModelNode>();
  fc.sample(arbitraryFields, { seed, numRuns: rowCount }).forEach((fields, i) => {
    const createdAtMs = startMs + Math.floor(i / 20); // many are of one time
    const withSerial = i % 3 === 0 ? { ...fields, 11: val.int(2n ** 62n + BigInt(i)) } : fields;
    tenant.setTime(createdAtMs);
    tenant.write(createNode(everythingTypeId, idOf(i), withSerial));
    nodes.set(idOf(i), { id: idOf(i), fields: withSerial, createdAtMs, updatedAtMs: createdAtMs });
  });
  fc.sample(fc.tuple(fc.nat(rowCount - 1), arbitraryFields), { seed, numRuns: 60 }).forEach(
    ([i, set], n) => {
      const before = nodes.get(idOf(i))!;
      const updatedAtMs = startMs + 100 + Math.floor(n / 10);
      const fields = { ...before.fields, ...set };
      delete fields[2];
      tenant.setTime(updatedAtMs);
      tenant.write(
        updateNode(everythingTypeId, before.id, without2(set), before.fields[2] ? [2] : []),
      );
      const isChanged =
        JSON.stringify(fields, stringify) !== JSON.stringify(before.fields, stringify);
      nodes.set(before.id, isChanged ? { ...before, fields, updatedAtMs } : before);
    },
  );
  return { tenant, nodes };
}

const stringify = (_: string, value: unknown) =>
  typeof value === 'bigint' ? `${value}n` : Object.is(value, -0) ? '-0' : value;

function without2(fields: Fields): Fields {
  const { 2: _, ...rest } = fields;
  return rest;
}

const utf8 = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

function naiveCompare(a: AnyValue, b: AnyValue): number {
  if (typeof a.value === 'string' && typeof b.value === 'string') return utf8(a.value, b.value);
  if (a.case === 'bytes' && b.case === 'bytes') return Buffer.compare(a.value, b.value);
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

function expected(
  nodes: Iterable<ModelNode>,
  filter: Filter | undefined,
  order: OrderBy | undefined,
): ModelNode[] {
  const sign = order?.descending ? -1 : 1;
  const { by } = order ?? { by: { case: undefined } };
  const compare = (a: ModelNode, b: ModelNode): number => {
    switch (by.case) {
      case 'createdAt':
        return sign * (a.createdAtMs - b.createdAtMs || utf8(a.id, b.id));
      case 'updatedAt':
        return sign * (a.updatedAtMs - b.updatedAtMs || utf8(a.id, b.id));
      case 'fieldId': {
        const [left, right] = [a.fields[by.value]?.kind, b.fields[by.value]?.kind];
        if (left?.case === undefined || right?.case === undefined) {
          if (left?.case !== right?.case) return left?.case === undefined ? 1 : -1;
          return sign * utf8(a.id, b.id);
        }
        return sign * (naiveCompare(left, right) || utf8(a.id, b.id));
      }
      default:
        return sign * utf8(a.id, b.id);
    }
  };
  return [...nodes].filter((node) => !filter || matches(filter, node.fields)).sort(compare);
}

const request = (query: Partial<QueryNodesRequest>): QueryNodesRequest => ({
  $typeName: 'entdb.v1.QueryNodesRequest',
  typeId: everythingTypeId,
  pageSize: 0,
  pageToken: '',
  count: false,
  ...query,
});

const arbitraryQuery = fc
  .tuple(
    fc.oneof(
      fc.record({
        filter: fc.option(arbitraryFilter, { nil: undefined }),
        orderBy: arbitraryOrder,
      }),
      arbitraryRangeInOrder,
    ),
    fc.array(fc.integer({ min: 3, max: 60 }), { minLength: 1, maxLength: 3 }),
  )
  .map(([query, pageSizes]) => ({ ...query, pageSizes }));

type Query = typeof arbitraryQuery extends fc.Arbitrary<infer T> ? T : never;

/** All pages, with the page sizes in turn. */
function* pagesOf(tenant: TestTenant, { filter, orderBy, pageSizes }: Query) {
  let pageToken = '';
  for (let i = 0; i === 0 || pageToken !== ''; i++) {
    if (i > 2 * rowCount) throw new Error('the pages do not end');
    const page = tenant.reader.queryNodes(
      request({
        ...(filter && { filter }),
        ...(orderBy && { orderBy }),
        pageSize: pageSizes[i % pageSizes.length]!,
        pageToken,
        count: true,
      }),
    );
    yield page;
    pageToken = page.nextPageToken;
  }
}

describe.each([1, 2, 3])('queries against a naive evaluation, rows of seed %i', (seed) => {
  let tenant: TestTenant;
  let nodes: Map<string, ModelNode>;
  beforeAll(() => {
    ({ tenant, nodes } = build(seed));
  });
  afterAll(() => tenant.close());

  it('gives the same nodes in the same order, in full pages, without repeat or gap, and the same count', () => {
    fc.assert(
      fc.property(arbitraryQuery, (query) => {
        const wanted = expected(nodes.values(), query.filter, query.orderBy);
        const pages = [...pagesOf(tenant, query)];
        expect(pages.flatMap((page) => page.nodes.map(({ id }) => id))).toEqual(
          wanted.map(({ id }) => id),
        );
        const sizes = pages.map((page) => page.nodes.length);
        const { pageSizes } = query;
        sizes.slice(0, -1).forEach((size, i) => expect(size).toBe(pageSizes[i % pageSizes.length]));
        expect(pages.map(({ total }) => total)).toEqual([
          BigInt(wanted.length),
          ...sizes.slice(1).map(() => undefined),
        ]);
      }),
      { numRuns: 120, seed },
    );
  });

  it('gives nodes with all their fields and times, exact to the microsecond', () => {
    const all = [
      ...pagesOf(tenant, { filter: undefined, orderBy: undefined, pageSizes: [1000] }),
    ].flatMap((page) => page.nodes);
    expect(all).toHaveLength(rowCount);
    for (const { id, fields, createdAtUs, updatedAtUs, typeId } of all) {
      const model = nodes.get(id)!;
      expect({ id, fields, createdAtUs, updatedAtUs, typeId }).toEqual({
        id,
        fields: model.fields,
        createdAtUs: BigInt(model.createdAtMs) * 1000n,
        updatedAtUs: BigInt(model.updatedAtMs) * 1000n,
        typeId: everythingTypeId,
      });
    }
  });

  it('keeps what nobody touches on exactly one page while others write between the pages', () => {
    let round = 0;
    fc.assert(
      fc.property(arbitraryQuery, fc.infiniteStream(arbitraryFields), (query, changes) => {
        round += 1;
        // What is touched: every fifth row, and rows of this round that come and go.
        const isTouched = (id: string) =>
          id.startsWith('volatile') || Number(id.split('-')[1]) % 5 === 0;
        const untouched = [...nodes.values()].filter(({ id }) => !isTouched(id));
        const seen: string[] = [];
        const created: string[] = [];
        let turn = 0;
        for (const page of pagesOf(tenant, query)) {
          seen.push(...page.nodes.map(({ id }) => id));
          // Not for ever: whoever writes as fast as we read is never caught up with.
          if (turn === 12) continue;
          const touched = idOf((turn * 35) % rowCount);
          turn += 1;
          const { 11: _, ...set } = changes.next().value as Fields;
          const id = `volatile-${round}-${turn}`;
          tenant.write(
            updateNode(everythingTypeId, touched, set),
            createNode(everythingTypeId, id, set),
          );
          created.push(id);
          if (turn % 2 === 0) tenant.write(deleteNode(everythingTypeId, created.shift()!));
        }
        for (const id of created) tenant.write(deleteNode(everythingTypeId, id));
        const wanted = expected(untouched, query.filter, query.orderBy).map(({ id }) => id);
        expect(seen.filter((id) => !isTouched(id))).toEqual(wanted);
      }),
      { numRuns: 30, seed },
    );
  });
});
