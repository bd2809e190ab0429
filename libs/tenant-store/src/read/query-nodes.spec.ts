import { Operator, val, type Filter } from '@entdb/contracts';
import * as people from './testing/people.ts';
import { combine, compare, not } from './testing/queries.ts';
import { codeOf, refusal } from './testing/refusal.ts';
import { ask } from './testing/requests.ts';
import { createNode, openTestTenant, type TestTenant } from './testing/tenant.ts';

const { person, project, name, email, age } = people;
const { CONTAINS, EQ, EXISTS, GT, GTE, IN, LT, LTE, NEQ, PREFIX } = Operator;

describe('queries', () => {
  let tenant: TestTenant;
  afterEach(() => tenant.close());

  const idsOf = (request: Parameters<typeof ask.query>[0]) =>
    tenant.reader.queryNodes(ask.query({ typeId: person, ...request })).nodes.map(({ id }) => id);
  const where = (filter: Filter) => idsOf({ filter });

  describe('of people', () => {
    beforeEach(() => {
      tenant = openTestTenant(people.people);
      tenant.write(
        createNode(person, 'a', { [name]: val.str('Ann'), [age]: val.int(2n ** 53n) }),
        createNode(person, 'b', { [name]: val.str('Anton'), [age]: val.int(2n ** 53n + 1n) }),
        createNode(person, 'c', { [name]: val.str('') }),
        createNode(person, 'd', { [age]: val.int(0) }),
        createNode(project, 'p', { [name]: val.str('Ann') }),
      );
    });

    it.each<[string, Filter, string[]]>([
      ['EQ', compare(age, EQ, val.int(2n ** 53n)), ['a']],
      ['NEQ, also of an absent field', compare(age, NEQ, val.int(2n ** 53n)), ['b', 'c', 'd']],
      ['LT', compare(age, LT, val.int(2n ** 53n)), ['d']],
      ['LTE', compare(age, LTE, val.int(2n ** 53n)), ['a', 'd']],
      ['GT', compare(age, GT, val.int(2n ** 53n)), ['b']],
      ['GTE', compare(age, GTE, val.int(2n ** 53n)), ['a', 'b']],
      ['IN', compare(age, IN, val.int(0), val.int(2n ** 53n + 1n)), ['b', 'd']],
      ['PREFIX', compare(name, PREFIX, val.str('Ant')), ['b']],
      ['CONTAINS', compare(name, CONTAINS, val.str('nn')), ['a']],
      ['EXISTS, also of an empty string', compare(name, EXISTS), ['a', 'b', 'c']],
      ['EQ with an empty string', compare(name, EQ, val.str('')), ['c']],
      ['NOT', not(compare(name, EXISTS)), ['d']],
      [
        'AND',
        combine('and', compare(age, GT, val.int(0)), compare(name, PREFIX, val.str('Ant'))),
        ['b'],
      ],
      [
        'OR',
        combine('or', compare(age, EQ, val.int(0)), compare(name, EQ, val.str('Ann'))),
        ['a', 'd'],
      ],
    ])('judge %s as itself, exact beyond 2^53 (faults 7 #37, #41)', (_, filter, ids) => {
      expect(where(filter)).toEqual(ids);
    });

    it('filter before they cut the page (faults 7 #24)', () => {
      const page = tenant.reader.queryNodes(
        ask.query({ typeId: person, filter: compare(age, EQ, val.int(0)), pageSize: 1 }),
      );
      expect(page.nodes.map(({ id }) => id)).toEqual(['d']);
      expect(page.nextPageToken).toBe('');
    });

    it.each([
      ['a field that is not there', compare(99, EXISTS), 'UNKNOWN_FIELD'],
      ['a value of another kind', compare(age, EQ, val.str('1')), 'WRONG_KIND'],
      ['an empty AND', combine('and'), 'INVALID_FILTER'],
      ['no operator', compare(age, Operator.UNSPECIFIED, val.int(1)), 'INVALID_FILTER'],
    ])('refuse a filter on %s', (_, filter, code) => {
      expect(codeOf(() => where(filter))).toBe(code);
    });

    it('refuse an order by a field without index, and say what can be ordered by', () => {
      const order = { by: { case: 'fieldId', value: name }, descending: false } as const;
      const error = refusal(() =>
        tenant.reader.queryNodes(ask.query({ typeId: person, orderBy: order })),
      );
      expect(error.code).toBe('INVALID_ARGUMENT');
      expect(error.facts.hint).toContain('3 (age)');
    });

    it('are of one type', () => {
      expect(codeOf(() => tenant.reader.queryNodes(ask.query()))).toBe('INVALID_ARGUMENT');
    });

    it('of a type that nobody has written or defined are empty', () => {
      const page = tenant.reader.queryNodes(
        ask.query({ typeId: 99, filter: compare(1, EXISTS), count: true }),
      );
      expect(page).toMatchObject({ nodes: [], nextPageToken: '', total: 0n });
    });

    it('find by a unique field that has no other index', () => {
      tenant.write(createNode(person, 'e', { [email]: val.str('e@x') }));
      const byEmail = compare(email, EQ, val.str('e@x'));
      expect(
        tenant.reader.queryNodes(ask.query({ typeId: person, filter: byEmail, count: true })),
      ).toMatchObject({
        nodes: [{ id: 'e' }],
        total: 1n,
      });
    });
  });

  describe('in pages (faults 7 #52, #53, #54)', () => {
    beforeEach(() => {
      tenant = openTestTenant(people.people);
      tenant.writeAll(
        Array.from({ length: 1101 }, (_, i) => [
          createNode(person, `n${String(i).padStart(4, '0')}`, { [age]: val.int(i % 3) }),
        ]),
      );
    });

    it('have 100 nodes by default and 1000 at most, and a token while there are more', () => {
      const sized = (pageSize: number) =>
        tenant.reader.queryNodes(ask.query({ typeId: person, pageSize }));
      expect(sized(0).nodes).toHaveLength(100);
      expect(sized(10_000_000).nodes).toHaveLength(1000);
      expect(sized(0xffff_ffff).nodes).toHaveLength(1000);
      expect(sized(1000).nextPageToken).not.toBe('');
    });

    it('end without a token on a page that is just full', () => {
      const filter = compare(age, EQ, val.int(0));
      const exactly = tenant.reader.queryNodes(
        ask.query({ typeId: person, filter, pageSize: 367 }),
      );
      expect([exactly.nodes.length, exactly.nextPageToken]).toEqual([367, '']);
    });

    it('refuse a token of another query, and take it with another page size', () => {
      const first = { typeId: person, filter: compare(age, EQ, val.int(0)), pageSize: 10 };
      const { nextPageToken } = tenant.reader.queryNodes(ask.query(first));
      const next = (request: object) =>
        tenant.reader.queryNodes(ask.query({ ...first, pageToken: nextPageToken, ...request }));
      expect(next({ pageSize: 20, count: true }).nodes[0]?.id).toBe('n0030');
      expect(codeOf(() => next({ filter: compare(age, EQ, val.int(1)) }))).toBe(
        'INVALID_PAGE_TOKEN',
      );
      expect(codeOf(() => next({ filter: undefined }))).toBe('INVALID_PAGE_TOKEN');
      expect(codeOf(() => next({ typeId: project, filter: undefined }))).toBe('INVALID_PAGE_TOKEN');
      const byId = { by: { case: 'id', value: true }, descending: true } as const;
      expect(codeOf(() => next({ orderBy: byId }))).toBe('INVALID_PAGE_TOKEN');
      expect(codeOf(() => next({ pageToken: `${nextPageToken.slice(0, -2)}AA` }))).toBe(
        'INVALID_PAGE_TOKEN',
      );
      expect(
        codeOf(() => tenant.reader.listEdges(ask.edges({ nodeId: 'a', pageToken: nextPageToken }))),
      ).toBe('INVALID_PAGE_TOKEN');
    });
  });

  it('look at 20,000 nodes a page at most, and go on from there', () => {
    tenant = openTestTenant();
    const transactions = Array.from({ length: 205 }, (_, t) =>
      Array.from({ length: 100 }, (__, i) =>
        createNode(
          5,
          `n${String(t * 100 + i).padStart(6, '0')}`,
          t === 204 && i > 97 ? { 1: val.bool(true) } : {},
        ),
      ),
    );
    tenant.writeAll(transactions);
    const query = { typeId: 5, filter: compare(1, EXISTS) };
    const first = tenant.reader.queryNodes(ask.query({ ...query, count: true }));
    expect(first).toMatchObject({ nodes: [], total: 2n });
    const second = tenant.reader.queryNodes(
      ask.query({ ...query, pageToken: first.nextPageToken }),
    );
    expect(second.nodes.map(({ id }) => id)).toEqual(['n020498', 'n020499']);
    expect(second.nextPageToken).toBe('');
  });

  it('judge nodes that were written without a schema by their values, whatever kinds meet', () => {
    tenant = openTestTenant();
    tenant.write(
      createNode(5, 'bool', { 1: val.bool(true) }),
      createNode(5, 'float', { 1: val.float(5) }),
      createNode(5, 'int', { 1: val.int(5) }),
      createNode(5, 'json', { 1: val.json('5') }),
      createNode(5, 'list', { 1: val.list([val.int(5)]) }),
      createNode(5, 'none', {}),
      createNode(5, 'str', { 1: val.str('5') }),
    );
    const found = (filter: Filter) => idsOf({ typeId: 5, filter });
    expect(found(compare(1, EQ, val.int(5)))).toEqual(['int']);
    expect(found(compare(1, GTE, val.int(5)))).toEqual(['int']);
    expect(found(compare(1, LT, val.str('6')))).toEqual(['str']);
    expect(found(compare(1, CONTAINS, val.int(5)))).toEqual(['list']);
    expect(found(compare(1, IN, val.json('5'), val.float(5)))).toEqual(['float', 'json']);
    expect(found(not(compare(1, EXISTS)))).toEqual(['none']);
    expect(found(compare(99, EXISTS))).toEqual([]);
  });
});
