import fc from 'fast-check';
import {
  checkFilter,
  Operator,
  val,
  type Fields,
  type Filter,
  type OrderBy,
} from '@entdb/contracts';
import { matches } from '../filter.ts';
import type { KeyRange } from './key-range.ts';
import { indexKeyOf } from './node-rows.ts';
import { planQuery } from './plan.ts';
import {
  arbitraryFields,
  arbitraryFilter,
  arbitraryOrder,
  combine,
  compare,
  compiledEverything,
  everythingTypeId,
} from './testing/queries.ts';
import { codeOf, refusal } from './testing/refusal.ts';

const type = compiledEverything.nodeTypes.get(everythingTypeId);
const plan = (filter?: Filter, order?: OrderBy) => planQuery(filter, order, type);
const byField = (value: number): OrderBy => ({
  $typeName: 'entdb.v1.OrderBy',
  by: { case: 'fieldId', value },
  descending: false,
});
const { EQ, GT, GTE, IN, LT, NEQ, PREFIX } = Operator;

const isWithin = (ranges: readonly KeyRange[], fields: Fields, fieldId: number) => {
  const key = indexKeyOf(fields, fieldId);
  return (
    key !== null && ranges.some(({ from, to }) => from.compare(key) <= 0 && key.compare(to) < 0)
  );
};

describe('query plan', () => {
  it('walks past every node that matches, and narrows to no fewer', () => {
    fc.assert(
      fc.property(arbitraryFields, arbitraryFilter, arbitraryOrder, (fields, filter, order) => {
        checkFilter(filter, type, 'filter');
        const { walk, narrowings } = plan(filter, order);
        const isMatch = matches(filter, fields);
        for (const { ranges, fieldId, exact } of narrowings) {
          const isIn = isWithin(ranges, fields, fieldId);
          if (isMatch) expect(isIn).toBe(true);
          if (exact) expect(isIn).toBe(isMatch);
        }
        if (!isMatch) return;
        if (walk.over === 'equals') expect(indexKeyOf(fields, walk.fieldId)).toEqual(walk.key);
        if (walk.over === 'field' && !walk.thenAbsent)
          expect(isWithin(walk.ranges, fields, walk.fieldId)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('has ranges in order and without overlap', () => {
    fc.assert(
      fc.property(arbitraryFilter, (filter) => {
        for (const { ranges } of plan(filter).narrowings) {
          const ends = ranges.flatMap(({ from, to }) => [from, to]);
          for (let i = 1; i < ends.length; i++)
            expect(ends[i - 1]!.compare(ends[i]!)).toBeLessThan(0);
        }
      }),
    );
  });

  it('walks the index in the order of ids where one value is asked for', () => {
    expect(plan(compare(1, EQ, val.str('a'))).walk).toMatchObject({ over: 'equals', fieldId: 1 });
    expect(
      plan(combine('and', compare(1, EQ, val.str('a')), compare(12, GT, val.int(1)))).walk,
    ).toMatchObject({ over: 'equals' });
    expect(plan(compare(1, IN, val.str('a'), val.str('b'))).walk).toEqual({ over: 'id' });
  });

  it('walks only the part of an index that the filter leaves, and nodes without the field only where they may match', () => {
    expect(plan(compare(2, GTE, val.int(5)), byField(2)).walk).toMatchObject({
      over: 'field',
      thenAbsent: false,
    });
    expect(plan(compare(2, NEQ, val.int(5)), byField(2)).walk).toMatchObject({
      over: 'field',
      thenAbsent: true,
    });
    const contradiction = combine('and', compare(2, LT, val.int(1)), compare(2, GT, val.int(1)));
    expect(plan(contradiction, byField(2)).walk).toMatchObject({ ranges: [] });
  });

  it('counts on an index alone only where it answers the whole filter', () => {
    const isExact = (filter: Filter) => plan(filter).narrowings.some(({ exact }) => exact);
    expect(isExact(compare(1, PREFIX, val.str('a')))).toBe(true);
    expect(isExact(combine('or', compare(1, EQ, val.str('a')), compare(1, EQ, val.str('b'))))).toBe(
      true,
    );
    expect(isExact(combine('and', compare(1, EQ, val.str('a')), compare(12, EQ, val.int(1))))).toBe(
      false,
    );
  });

  it.each([
    ['a field that has no index', 12, 'INVALID_ARGUMENT'],
    ['a list', 10, 'INVALID_ARGUMENT'],
    ['a field that is not there', 99, 'UNKNOWN_FIELD'],
  ])('refuses to order by %s', (_, fieldId, code) => {
    expect(codeOf(() => plan(undefined, byField(fieldId)))).toBe(code);
  });

  it('refuses to order by a field of a type without schema, and says what can be done', () => {
    const error = refusal(() => planQuery(undefined, byField(1), undefined));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.facts.hint).toContain('created_at');
  });
});
