import { checkFilter, compileSchema, Operator } from '@entdb/contracts';
import { allOf, anyOf, conditionOf, type Where } from './filter.ts';
import { caught } from './testing/caught.ts';
import { schema, User } from './testing/model.ts';

const filterOf = (where: Where<typeof User>) => conditionOf(User, where).filter;
const owner = compileSchema(schema.definition).nodeTypes.get(User.id);

describe('a condition', () => {
  it('says field, operator and value', () => {
    expect(filterOf((user) => user.age.gte(18)).expression).toMatchObject({
      case: 'compare',
      value: {
        fieldId: 2,
        operator: Operator.GTE,
        values: [{ kind: { case: 'int', value: 18n } }],
      },
    });
  });

  it('has the operator that its method names', () => {
    const operators = filterOf((user) =>
      allOf([
        user.age.eq(1),
        user.age.neq(1),
        user.age.lt(1),
        user.age.lte(1),
        user.age.gt(1),
        user.age.gte(1),
        user.age.in([1, 2n]),
        user.bio.prefix('a'),
        user.bio.contains('a'),
        user.tags.contains('a'),
        user.age.exists(),
      ]),
    );
    const { EQ, NEQ, LT, LTE, GT, GTE, IN, PREFIX, CONTAINS, EXISTS } = Operator;
    const found = operators.expression.case === 'and' ? operators.expression.value.filters : [];
    expect(
      found.map(({ expression }) => expression.case === 'compare' && expression.value.operator),
    ).toEqual([EQ, NEQ, LT, LTE, GT, GTE, IN, PREFIX, CONTAINS, CONTAINS, EXISTS]);
  });

  it('is one that the server accepts', () => {
    const filter = filterOf((user) =>
      anyOf([
        user.email.eq('a').and(user.joined.lt(new Date(0)), user.manager.in(['x'])),
        user.tags.eq(['a', 'b']).or(user.settings.absent()).not(),
        user.role.neq('admin'),
      ]),
    );
    expect(() => checkFilter(filter, owner, 'filter')).not.toThrow();
  });

  it('stays flat however long the chain is', () => {
    const filter = filterOf((user) =>
      Array.from({ length: 100 }, (_, i) => user.age.eq(i)).reduce((all, one) => all.and(one)),
    );
    expect(() => checkFilter(filter, owner, 'filter')).not.toThrow();
    expect(filter.expression).toMatchObject({ case: 'and', value: { filters: { length: 100 } } });
  });

  it('does not join what means another thing', () => {
    expect(
      filterOf((user) => user.age.eq(1).or(user.age.eq(2)).and(user.age.eq(3))).expression,
    ).toMatchObject({
      case: 'and',
      value: { filters: [{ expression: { case: 'or' } }, { expression: { case: 'compare' } }] },
    });
  });

  it('refuses to join nothing', () => {
    expect(caught(() => allOf([])).code).toBe('INVALID_FILTER');
  });
});
