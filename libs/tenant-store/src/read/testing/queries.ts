import fc from 'fast-check';
import {
  compileSchema,
  Kind,
  Operator,
  val,
  type Fields,
  type Filter,
  type OrderBy,
  type Schema,
  type Value,
} from '@entdb/contracts';

/** A type with every kind, and arbitrary rows and queries of it: few different values, so that ties and matches are common, and the extremes. */

export const everythingTypeId = 7;
/** Nodes that refs may point at. */
export const targetIds = ['target-a', 'target-é', 'target-𝄞'];
export const targetTypeId = 8;
const colors = ['red', 'green', 'blue'];

const field = (id: number, name: string, kind: Kind, more: object = {}) => ({
  $typeName: 'entdb.v1.FieldDefinition' as const,
  id,
  name,
  kind,
  list: false,
  required: false,
  unique: false,
  indexed: false,
  searchable: false,
  enumValues: [],
  refTypeId: 0,
  ...more,
});

export const everything: Schema = {
  $typeName: 'entdb.v1.Schema',
  nodeTypes: [
    {
      $typeName: 'entdb.v1.NodeType',
      id: everythingTypeId,
      name: 'Everything',
      fields: [
        field(1, 'text', Kind.STR, { indexed: true }),
        field(2, 'number', Kind.INT, { indexed: true }),
        field(3, 'ratio', Kind.FLOAT, { indexed: true }),
        field(4, 'flag', Kind.BOOL, { indexed: true }),
        field(5, 'time', Kind.TIMESTAMP, { indexed: true }),
        field(6, 'document', Kind.JSON),
        field(7, 'blob', Kind.BYTES, { indexed: true }),
        field(8, 'color', Kind.ENUM, { indexed: true, enumValues: colors }),
        field(9, 'target', Kind.REF, { indexed: true }),
        field(10, 'tags', Kind.STR, { list: true, searchable: true }),
        field(11, 'serial', Kind.INT, { unique: true }),
        field(12, 'plain', Kind.INT),
      ],
      unique: [],
    },
    { $typeName: 'entdb.v1.NodeType', id: targetTypeId, name: 'Target', fields: [], unique: [] },
  ],
  edgeTypes: [],
};

export const compiledEverything = compileSchema(everything);

const texts = fc.constantFrom('', 'a', 'ab', 'abc', 'b', 'é', '\uffff', '𝄞', 'A', 'a\u0000b');
const integers = fc.constantFrom(
  -(2n ** 63n),
  -(2n ** 53n) - 1n,
  -1n,
  0n,
  1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
);
const floats = fc.constantFrom(-Number.MAX_VALUE, -1.5, -0, 0, 5e-324, 1.5, Number.MAX_VALUE);
const blobs = fc
  .constantFrom([], [0], [0, 0], [1], [255], [255, 255])
  .map((bytes) => Uint8Array.from(bytes));

const values: Readonly<Record<number, fc.Arbitrary<Value>>> = {
  1: texts.map(val.str),
  2: integers.map(val.int),
  3: floats.map(val.float),
  4: fc.boolean().map(val.bool),
  5: integers.map(val.timestamp),
  6: fc.constantFrom('null', '{"a":1}').map(val.json),
  7: blobs.map(val.bytes),
  8: fc.constantFrom(...colors).map(val.enum),
  9: fc.constantFrom(...targetIds).map(val.ref),
  10: fc.array(texts, { maxLength: 2 }).map((items) => val.list(items.map(val.str))),
  11: integers.map(val.int),
  12: integers.map(val.int),
};
const fieldIds = Object.keys(values).map(Number);
const indexedIds = [1, 2, 3, 4, 5, 7, 8, 9];

/** Without the unique field. */
export const arbitraryFields: fc.Arbitrary<Fields> = fc
  .tuple(
    ...fieldIds
      .filter((id) => id !== 11)
      .map((id) =>
        fc.option(
          values[id]!.map((value) => [id, value] as const),
          { nil: undefined },
        ),
      ),
  )
  .map((entries) => Object.fromEntries<Value>(entries.filter((entry) => entry !== undefined)));

export function compare(fieldId: number, operator: Operator, ...operands: Value[]): Filter {
  const comparison = {
    $typeName: 'entdb.v1.Comparison' as const,
    fieldId,
    operator,
    values: operands,
  };
  return { $typeName: 'entdb.v1.Filter', expression: { case: 'compare', value: comparison } };
}

export function combine(by: 'and' | 'or', ...filters: Filter[]): Filter {
  return {
    $typeName: 'entdb.v1.Filter',
    expression: { case: by, value: { $typeName: 'entdb.v1.FilterList', filters } },
  };
}

export function not(filter: Filter): Filter {
  return { $typeName: 'entdb.v1.Filter', expression: { case: 'not', value: filter } };
}

const { EQ, NEQ, LT, LTE, GT, GTE, IN, PREFIX, CONTAINS, EXISTS } = Operator;

const comparisonOf = (id: number): fc.Arbitrary<Filter> => {
  const value = values[id]!;
  const operators = [EQ, NEQ, ...(id === 6 || id === 10 ? [] : [LT, LTE, GT, GTE])];
  const choices = [
    fc
      .tuple(fc.constantFrom(...operators), value)
      .map(([operator, operand]) => compare(id, operator, operand)),
    fc.array(value, { minLength: 1, maxLength: 3 }).map((operands) => compare(id, IN, ...operands)),
    fc.constant(compare(id, EXISTS)),
  ];
  if (id === 1) choices.push(texts.map((text) => compare(id, PREFIX, val.str(text))));
  if (id === 1 || id === 10)
    choices.push(texts.map((text) => compare(id, CONTAINS, val.str(text))));
  return fc.oneof(...choices);
};

const comparison = fc.constantFrom(...fieldIds).chain(comparisonOf);

export const arbitraryFilter: fc.Arbitrary<Filter> = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    comparison,
    fc
      .tuple(
        fc.constantFrom('and' as const, 'or' as const),
        fc.array(tie('filter'), { minLength: 1, maxLength: 3 }),
      )
      .map(([by, filters]) => combine(by, ...filters)),
    tie('filter').map(not),
  ),
})).filter;

export const arbitraryOrder: fc.Arbitrary<OrderBy | undefined> = fc.option(
  fc
    .record({
      by: fc.oneof(
        fc.constantFrom(
          { case: 'id' as const, value: true },
          { case: 'createdAt' as const, value: true },
          { case: 'updatedAt' as const, value: true },
          { case: undefined },
        ),
        fc.constantFrom(...indexedIds).map((value) => ({ case: 'fieldId' as const, value })),
      ),
      descending: fc.boolean(),
    })
    .map((order) => ({ $typeName: 'entdb.v1.OrderBy' as const, ...order })),
  { nil: undefined },
);

/** A range of one index, walked in its own order: here a page can end within the first value of a range. */
export const arbitraryRangeInOrder: fc.Arbitrary<{
  readonly filter: Filter;
  readonly orderBy: OrderBy;
}> = fc.tuple(fc.constantFrom(...indexedIds), fc.boolean()).chain(([value, descending]) =>
  comparisonOf(value).map((filter) => ({
    filter,
    orderBy: {
      $typeName: 'entdb.v1.OrderBy' as const,
      by: { case: 'fieldId' as const, value },
      descending,
    },
  })),
);
