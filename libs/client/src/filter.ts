/**
 * Conditions on fields: `where((user) => user.age.gte(18).and(user.role.eq('admin')))`.
 *
 * Logic has two values: a comparison with an absent field is false, and `neq` is not `eq`, so it holds for an absent field.
 */
import { create } from '@bufbuild/protobuf';
import { EntError } from '@entdb/base';
import { FilterSchema, Operator, type Filter, type Value } from '@entdb/contracts';
import type { Field, FieldKind, Fields } from './schema/field.ts';
import type { NodeType } from './schema/types.ts';
import { encodeElement, encodeField } from './values/encode.ts';
import { nameById } from './write/handle.ts';

/** A condition on a node. Immutable; joins with others. */
export interface Condition {
  readonly filter: Filter;
  and(...others: readonly Condition[]): Condition;
  or(...others: readonly Condition[]): Condition;
  not(): Condition;
}

/** What a field can be asked, by its kind. */
export type Column<F extends Field> = Presence &
  Equality<InputOf<F>> &
  (F extends Field<infer In, unknown, object, OrderedKind, false> ? Order<In> : unknown) &
  (F extends Field<string, string, object, 'str', false> ? Text : unknown) &
  (F extends Field<readonly (infer In)[], unknown, object, FieldKind, true>
    ? Elements<In>
    : unknown);

type InputOf<F extends Field> = F extends Field<infer In, unknown> ? In : never;
type OrderedKind = Exclude<FieldKind, 'json'>;

interface Presence {
  exists(): Condition;
  absent(): Condition;
}

interface Equality<In> {
  eq(value: In): Condition;
  neq(value: In): Condition;
  /** One of the values. */
  in(values: readonly In[]): Condition;
}

interface Order<In> {
  lt(value: In): Condition;
  lte(value: In): Condition;
  gt(value: In): Condition;
  gte(value: In): Condition;
}

interface Text {
  prefix(text: string): Condition;
  /** The text occurs somewhere in it. */
  contains(text: string): Condition;
}

interface Elements<In> {
  /** The list has this element. */
  contains(element: In): Condition;
}

export type Columns<F extends Fields> = { readonly [Name in keyof F]: Column<F[Name]> };

/** Says which nodes of a type are meant. */
export type Where<Type extends NodeType> = (columns: Columns<Type['fields']>) => Condition;

/** All of them hold. Throws INVALID_FILTER for none at all. */
export function allOf(conditions: readonly Condition[]): Condition {
  return join('and', conditions);
}

/** At least one of them holds. Throws INVALID_FILTER for none at all. */
export function anyOf(conditions: readonly Condition[]): Condition {
  return join('or', conditions);
}

export function conditionOf<Type extends NodeType>(type: Type, where: Where<Type>): Condition {
  return where(columnsOf(type));
}

const columnsByType = new WeakMap<NodeType, Columns<Fields>>();

function columnsOf<Type extends NodeType>(type: Type): Columns<Type['fields']> {
  const known = columnsByType.get(type);
  if (known) return known;
  const columns = Object.fromEntries(
    Object.keys(type.fields).map((name) => [name, columnOf(type, name)]),
  );
  // Each column answers all that a field of any kind may be asked; the types show what suits its kind.
  const made = Object.freeze(columns) as unknown as Columns<Type['fields']>;
  columnsByType.set(type, made);
  return made;
}

function columnOf(type: NodeType, name: string) {
  const fieldId = type.fields[name]?.id ?? 0;
  const encode = (value: unknown): Value => encodeField(type, name, value, 'filter', nameById);
  const compare = (operator: Operator, values: Value[]): Condition =>
    conditionFrom(
      create(FilterSchema, {
        expression: { case: 'compare', value: { fieldId, operator, values } },
      }),
    );
  const against = (operator: Operator) => (value: unknown) => compare(operator, [encode(value)]);
  const exists = () => compare(Operator.EXISTS, []);
  return Object.freeze({
    exists,
    absent: () => exists().not(),
    eq: against(Operator.EQ),
    neq: against(Operator.NEQ),
    in: (values: readonly unknown[]) => compare(Operator.IN, values.map(encode)),
    lt: against(Operator.LT),
    lte: against(Operator.LTE),
    gt: against(Operator.GT),
    gte: against(Operator.GTE),
    prefix: against(Operator.PREFIX),
    contains: (value: unknown) =>
      compare(Operator.CONTAINS, [encodeElement(type, name, value, 'filter', nameById)]),
  });
}

function conditionFrom(filter: Filter): Condition {
  const condition: Condition = {
    filter,
    and: (...others) => join('and', [condition, ...others]),
    or: (...others) => join('or', [condition, ...others]),
    not: () => conditionFrom(create(FilterSchema, { expression: { case: 'not', value: filter } })),
  };
  return Object.freeze(condition);
}

/** Flat where it can be: `a.and(b).and(c)` is one list, because the depth of a filter is limited. */
function join(word: 'and' | 'or', conditions: readonly Condition[]): Condition {
  const filters = conditions.flatMap(({ filter }) => {
    const { expression } = filter;
    return expression.case === word ? expression.value.filters : [filter];
  });
  const [only] = filters;
  if (only === undefined)
    throw new EntError('INVALID_FILTER', `${word} of no conditions means nothing`, {
      field: 'filter',
      hint: 'leave the filter out instead',
    });
  if (filters.length === 1) return conditionFrom(only);
  return conditionFrom(create(FilterSchema, { expression: { case: word, value: { filters } } }));
}
