import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { nodeTypeOf } from './check-fields.ts';
import { checkFilter, filterDepthMax, filterTermsMax } from './check-filter.ts';
import { FilterSchema, Operator } from './gen/entdb/v1/transaction_pb.ts';
import type { Value } from './gen/entdb/v1/value_pb.ts';
import { compileSchema } from './schema.ts';
import { sampleSchema } from './testing/samples.ts';
import { codeOf, refusal } from './testing/refusal.ts';
import { val } from './value.ts';

type Init = MessageInitShape<typeof FilterSchema>;
const user = nodeTypeOf(compileSchema(sampleSchema), 1, 'op');
const compare = (fieldId: number, operator: Operator, ...values: Value[]): Init => ({
  expression: { case: 'compare', value: { fieldId, operator, values } },
});
const all = (...filters: Init[]): Init => ({ expression: { case: 'and', value: { filters } } });
const any = (...filters: Init[]): Init => ({ expression: { case: 'or', value: { filters } } });
const not = (filter: Init): Init => ({ expression: { case: 'not', value: filter } });
const nested = (depth: number): Init =>
  depth === 1 ? compare(2, Operator.EXISTS) : not(nested(depth - 1));
const check = (init: Init, owner: typeof user | undefined = user) =>
  checkFilter(create(FilterSchema, init), owner, 'filter');

describe('a filter', () => {
  it.each<[string, Init]>([
    ['EQ', compare(1, Operator.EQ, val.str(''))],
    ['EQ of an int beyond 2^53', compare(2, Operator.EQ, val.int(2n ** 53n + 1n))],
    ['EQ of a list', compare(3, Operator.EQ, val.list([val.str('a')]))],
    ['NEQ', compare(4, Operator.NEQ, val.enum('open'))],
    ['LT', compare(2, Operator.LT, val.int(1))],
    ['GTE of text', compare(1, Operator.GTE, val.str('a'))],
    ['IN', compare(2, Operator.IN, val.int(1), val.int(2))],
    ['PREFIX', compare(1, Operator.PREFIX, val.str('a'))],
    ['CONTAINS in text', compare(1, Operator.CONTAINS, val.str('a'))],
    ['CONTAINS in a list', compare(3, Operator.CONTAINS, val.str('a'))],
    ['EXISTS', compare(5, Operator.EXISTS)],
    ['all together', all(any(compare(2, Operator.EXISTS)), not(compare(2, Operator.EXISTS)))],
    ['the greatest depth', nested(filterDepthMax)],
    [
      'the most terms',
      any(...Array.from({ length: filterTermsMax }, () => compare(2, Operator.EXISTS))),
    ],
  ])('passes: %s', (_, init) => {
    expect(() => check(init)).not.toThrow();
  });

  it.each<[string, Init, string, string]>([
    ['nothing in it', {}, 'INVALID_FILTER', 'filter'],
    ['an empty AND', all(), 'INVALID_FILTER', 'filter.and'],
    ['nothing in an OR', any(compare(2, Operator.EXISTS), {}), 'INVALID_FILTER', 'filter.or[1]'],
    ['nothing in a NOT', not({}), 'INVALID_FILTER', 'filter.not'],
    [
      'no operator',
      compare(2, Operator.UNSPECIFIED, val.int(1)),
      'INVALID_FILTER',
      'filter.compare.operator',
    ],
    [
      'an operator of another time',
      compare(2, 99 as Operator, val.int(1)),
      'INVALID_FILTER',
      'filter.compare.operator',
    ],
    [
      'a field that is not there',
      not(compare(9, Operator.EXISTS)),
      'UNKNOWN_FIELD',
      'filter.not.compare.field_id',
    ],
    ['another kind', compare(2, Operator.EQ, val.str('1')), 'WRONG_KIND', 'filter.compare'],
    [
      'another kind in IN',
      compare(2, Operator.IN, val.int(1), val.float(1)),
      'WRONG_KIND',
      'filter.compare',
    ],
    [
      'an unknown enum value',
      compare(4, Operator.EQ, val.enum('x')),
      'UNKNOWN_ENUM_VALUE',
      'filter.compare',
    ],
    ['EQ of nothing', compare(2, Operator.EQ), 'INVALID_FILTER', 'filter.compare'],
    [
      'EQ of two',
      compare(2, Operator.EQ, val.int(1), val.int(1)),
      'INVALID_FILTER',
      'filter.compare',
    ],
    ['IN of nothing', compare(2, Operator.IN), 'INVALID_FILTER', 'filter.compare'],
    [
      'EXISTS of something',
      compare(2, Operator.EXISTS, val.int(1)),
      'INVALID_FILTER',
      'filter.compare',
    ],
    [
      'the order of lists',
      compare(3, Operator.LT, val.list([val.str('a')])),
      'INVALID_FILTER',
      'filter.compare',
    ],
    [
      'the prefix of an int',
      compare(2, Operator.PREFIX, val.int(1)),
      'INVALID_FILTER',
      'filter.compare',
    ],
    [
      'the prefix of a list',
      compare(3, Operator.PREFIX, val.str('a')),
      'WRONG_KIND',
      'filter.compare',
    ],
    [
      'a part of an int',
      compare(2, Operator.CONTAINS, val.int(1)),
      'INVALID_FILTER',
      'filter.compare',
    ],
    [
      'a list in a list',
      compare(3, Operator.CONTAINS, val.list([])),
      'INVALID_FILTER',
      'filter.compare',
    ],
    [
      'an element of another kind',
      compare(3, Operator.CONTAINS, val.int(1)),
      'WRONG_KIND',
      'filter.compare',
    ],
    [
      'NaN',
      all(compare(2, Operator.EQ, val.float(Number.NaN))),
      'INVALID_VALUE',
      'filter.and[0].compare.values[0]',
    ],
    [
      'too deep',
      nested(filterDepthMax + 1),
      'INVALID_FILTER',
      `filter${'.not'.repeat(filterDepthMax)}`,
    ],
    [
      'too many terms',
      any(...Array.from({ length: filterTermsMax + 1 }, () => compare(2, Operator.EXISTS))),
      'INVALID_FILTER',
      `filter.or[${filterTermsMax}]`,
    ],
  ])('is refused: %s', (_, init, code, field) => {
    const error = refusal(() => check(init));
    expect([error.code, error.facts.field]).toEqual([code, field]);
  });

  it('without a schema is judged by the kinds of its values', () => {
    const free = (init: Init) => checkFilter(create(FilterSchema, init), undefined, 'filter');
    expect(() => free(compare(77, Operator.LT, val.bytes(new Uint8Array())))).not.toThrow();
    expect(codeOf(() => free(compare(77, Operator.LT, val.json('1'))))).toBe('INVALID_FILTER');
    expect(codeOf(() => free(compare(0, Operator.EXISTS)))).toBe('INVALID_FILTER');
  });
});
