import fc from 'fast-check';
import { Direction, val, type Edge } from '@entdb/contracts';
import { codeOf } from './testing/refusal.ts';
import { ask } from './testing/requests.ts';
import { createEdge, createNode, openTestTenant, type TestTenant } from './testing/tenant.ts';

const { IN, OUT, UNSPECIFIED } = Direction;
// Ids whose order in UTF-8 is not that of JavaScript strings.
const ids = ['a', 'b', 'c', '\uffee', '𝄞', 'é'];
const utf8 = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe('edges of a node', () => {
  let tenant: TestTenant;
  beforeEach(() => {
    tenant = openTestTenant();
    tenant.write(...ids.map((id) => createNode(1, id)));
  });
  afterEach(() => tenant.close());

  const name = ({ typeId, fromId, toId, key }: Edge) => `${fromId} -${typeId}-> ${toId} ${key}`;

  it('are listed from it and to it, with their fields and time', () => {
    tenant.setTime(1_700_000_000_001);
    tenant.write(
      createEdge(1, 'a', 'b', 'k', { 1: val.int(2n ** 63n - 1n) }),
      createEdge(1, 'c', 'a'),
      createEdge(2, 'a', 'a'),
    );
    const { edges, position } = tenant.reader.listEdges(ask.edges({ nodeId: 'a' }));
    expect(edges[0]).toEqual({
      $typeName: 'entdb.v1.Edge',
      typeId: 1,
      fromId: 'a',
      toId: 'b',
      key: 'k',
      fields: { 1: val.int(2n ** 63n - 1n) },
      createdAtUs: 1_700_000_000_001_000n,
    });
    expect(position?.offset).toBe(2n);
    const names = (direction: Direction) =>
      tenant.reader.listEdges(ask.edges({ nodeId: 'a', direction })).edges.map(name);
    expect(names(OUT)).toEqual(['a -1-> b k', 'a -2-> a ']);
    expect(names(UNSPECIFIED)).toEqual(names(OUT));
    expect(names(IN)).toEqual(['c -1-> a ', 'a -2-> a ']);
    expect(tenant.reader.listEdges(ask.edges({ nodeId: 'nobody' })).edges).toEqual([]);
  });

  it('come in the order of type, other id and key, each once, whatever the pages', () => {
    const all = ids.flatMap((to) =>
      [1, 2, 300].flatMap((type) => ['', 'k', '𝄞'].map((key) => ({ to, type, key }))),
    );
    tenant.write(
      ...all.flatMap(({ to, type, key }) => [
        createEdge(type, 'a', to, key),
        ...(to === 'a' ? [] : [createEdge(type, to, 'a', key)]),
      ]),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(OUT, IN),
        fc.array(fc.constantFrom<number[]>(1, 2, 300, 4), { maxLength: 3 }),
        fc.integer({ min: 1, max: 20 }),
        (direction, edgeTypeIds, pageSize) => {
          const wanted = all
            .filter(({ type }) => edgeTypeIds.length === 0 || edgeTypeIds.includes(type))
            .sort((a, b) => a.type - b.type || utf8(a.to, b.to) || utf8(a.key, b.key))
            .map(({ type, to, key }) =>
              direction === OUT ? `a -${type}-> ${to} ${key}` : `${to} -${type}-> a ${key}`,
            );
          const seen: string[] = [];
          let pageToken = '';
          do {
            const page = tenant.reader.listEdges(
              ask.edges({ nodeId: 'a', direction, edgeTypeIds, pageSize, pageToken }),
            );
            seen.push(...page.edges.map(name));
            expect(seen.length).toBeLessThanOrEqual(all.length); // or the pages would not end
            pageToken = page.nextPageToken;
            expect(page.edges.length === pageSize || pageToken === '').toBe(true);
          } while (pageToken !== '');
          expect(seen).toEqual(wanted);
        },
      ),
    );
  });

  it('refuse a token of another list', () => {
    tenant.write(createEdge(1, 'a', 'b'), createEdge(1, 'a', 'c'));
    const { nextPageToken } = tenant.reader.listEdges(ask.edges({ nodeId: 'a', pageSize: 1 }));
    const other = ask.edges({ nodeId: 'b', pageSize: 1, pageToken: nextPageToken });
    expect(codeOf(() => tenant.reader.listEdges(other))).toBe('INVALID_PAGE_TOKEN');
  });
});

describe('neighbours', () => {
  let tenant: TestTenant;
  beforeEach(() => {
    tenant = openTestTenant();
  });
  afterEach(() => tenant.close());

  const near = (request: Parameters<typeof ask.neighbors>[0]) => {
    const { neighbors, truncated } = tenant.reader.listNeighbors(ask.neighbors(request));
    return { found: neighbors.map(({ id, depth }) => `${depth} ${id}`), truncated };
  };

  it('are found breadth first, nearest first, each once, never the start, also in cycles', () => {
    tenant.write(
      ...['s', 'a', 'b', 'c', 'd'].map((id) => createNode(1, id)),
      createEdge(1, 's', 'b'),
      createEdge(1, 's', 'a'),
      createEdge(2, 's', 'a'),
      createEdge(1, 'a', 'c'),
      createEdge(1, 'b', 'c'),
      createEdge(1, 'c', 's'),
      createEdge(1, 'c', 'd'),
      createEdge(1, 'd', 'd'),
    );
    expect(near({ nodeId: 's' })).toEqual({ found: ['1 a', '1 b'], truncated: false });
    expect(near({ nodeId: 's', depth: 8 })).toEqual({
      found: ['1 a', '1 b', '2 c', '3 d'],
      truncated: false,
    });
    expect(near({ nodeId: 's', depth: 8, edgeTypeIds: [2] })).toEqual({
      found: ['1 a'],
      truncated: false,
    });
    expect(near({ nodeId: 'd', depth: 2, direction: IN })).toEqual({
      found: ['1 c', '2 a', '2 b'],
      truncated: false,
    });
    expect(near({ nodeId: 'nobody' })).toEqual({ found: [], truncated: false });
  });

  it('come with their nodes, or with their ids only', () => {
    tenant.write(
      createNode(1, 's'),
      createNode(1, 'a', { 1: val.str('x') }),
      createEdge(1, 's', 'a'),
    );
    const [whole] = tenant.reader.listNeighbors(ask.neighbors({ nodeId: 's' })).neighbors;
    expect(whole?.node).toMatchObject({ id: 'a', fields: { 1: val.str('x') } });
    const [bare] = tenant.reader.listNeighbors(
      ask.neighbors({ nodeId: 's', idsOnly: true }),
    ).neighbors;
    expect(bare).toEqual({ $typeName: 'entdb.v1.Neighbor', id: 'a', depth: 1 });
  });

  it('are truncated at the limit only where there are more', () => {
    tenant.write(
      ...['s', 'a', 'b', 'c'].map((id) => createNode(1, id)),
      createEdge(1, 's', 'b'),
      createEdge(1, 's', 'a'),
      createEdge(1, 'a', 's'),
      createEdge(1, 'b', 'c'),
    );
    expect(near({ nodeId: 's', limit: 1 })).toEqual({ found: ['1 a'], truncated: true });
    expect(near({ nodeId: 's', limit: 2 })).toEqual({ found: ['1 a', '1 b'], truncated: false });
    expect(near({ nodeId: 's', limit: 2, depth: 2 })).toEqual({
      found: ['1 a', '1 b'],
      truncated: true,
    });
    expect(near({ nodeId: 's', limit: 3, depth: 8 })).toEqual({
      found: ['1 a', '1 b', '2 c'],
      truncated: false,
    });
  });

  it('are bounded in depth and number', () => {
    tenant.write(createNode(1, 's'));
    expect(codeOf(() => near({ nodeId: 's', depth: 9 }))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => near({ nodeId: 's', limit: 10_001 }))).toBe('INVALID_ARGUMENT');
  });

  it('are those of a naive walk', () => {
    const names = Array.from({ length: 12 }, (_, i) => `${['n', '\uffee', '𝄞'][i % 3]}${i}`);
    const pair = fc.tuple(fc.nat(11), fc.nat(11), fc.constantFrom(1, 2));
    fc.assert(
      fc.property(
        fc.uniqueArray(pair, { selector: String, maxLength: 40 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 12 }),
        (pairs, depth, limit) => {
          const fresh = openTestTenant();
          try {
            fresh.write(
              ...names.map((id) => createNode(1, id)),
              ...pairs.map(([from, to, type]) => createEdge(type, names[from]!, names[to]!)),
            );
            const distance = new Map([[names[0]!, 0]]);
            for (let d = 1; d <= depth; d++) {
              for (const [from, to] of pairs) {
                if (distance.get(names[from]!) === d - 1 && !distance.has(names[to]!))
                  distance.set(names[to]!, d);
              }
            }
            const wanted = [...distance]
              .filter(([, d]) => d > 0)
              .sort(([a, m], [b, n]) => m - n || utf8(a, b));
            const answer = fresh.reader.listNeighbors(
              ask.neighbors({ nodeId: names[0]!, depth, limit }),
            );
            expect(answer.neighbors.map(({ id, depth: d }) => [id, d])).toEqual(
              wanted.slice(0, limit),
            );
            expect(answer.truncated).toBe(wanted.length > limit);
          } finally {
            fresh.close();
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
