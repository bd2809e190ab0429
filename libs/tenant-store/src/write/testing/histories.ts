import * as fc from 'fast-check';
import {
  Kind,
  OnConflict,
  Operator,
  val,
  type Fields,
  type Filter,
  type Operation,
} from '@entdb/contracts';
import { fullSchema } from './full-schema.ts';
import { delivery, field, op, precondition, schemaOf, type RecordParts } from './log.ts';

/** Random histories over few ids and few values, so that conflicts, repeats and rejections are common. */
const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const user = fc.constantFrom('u', 'v');
const small = fc.integer({ min: 0, max: 4 });

const fieldsOf1: fc.Arbitrary<Fields> = fc
  .record(
    {
      1: small.map((n) => val.str(`name${n}`)),
      2: small.map((n) => val.int(9_007_199_254_740_993n + BigInt(n))),
      3: small.map((n) => val.str(`bio of ${n}`)),
      4: small.map((n) => val.str(`t${n}`)),
      5: id.map(val.ref),
    },
    { requiredKeys: [] },
  )
  .map((fields) => fields as Fields);

const delivered = fc.option(
  fc
    .tuple(fc.array(user, { minLength: 1, maxLength: 2 }), small)
    .map(([users, n]) => delivery(users, `snippet ${n}`)),
  { nil: undefined },
);

const filter: fc.Arbitrary<Filter> = small.map((n) => ({
  $typeName: 'entdb.v1.Filter',
  expression: {
    case: 'compare',
    value: {
      $typeName: 'entdb.v1.Comparison',
      fieldId: 1,
      operator: Operator.EQ,
      values: [val.str(`name${n}`)],
    },
  },
}));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(id, fieldsOf1, fc.boolean(), delivered).map(([node, fields, skip, to]) =>
      op.create(node, fields, {
        onConflict: skip ? OnConflict.SKIP : OnConflict.UNSPECIFIED,
        ...(to && { delivery: to }),
      }),
    ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(id, fieldsOf1, fc.subarray([1, 2, 3, 4, 5]), delivered)
      .map(([node, set, clear, to]) =>
        op.update(node, set, { clear, ...(to && { delivery: to }) }),
      ),
  },
  { weight: 2, arbitrary: id.map((node) => op.remove(node)) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(id, id, fc.boolean())
      .map(([from, to, skip]) =>
        op.link(from, to, { onConflict: skip ? OnConflict.SKIP : OnConflict.UNSPECIFIED }),
      ),
  },
  { weight: 1, arbitrary: fc.tuple(id, id).map(([from, to]) => op.unlink(from, to)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(filter, fc.integer({ min: 0, max: 2 }))
      .map(([some, max]) => op.removeWhere(some, max)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(user, fc.subarray(['a', 'b', 'c']), fc.boolean())
      .map(([who, nodeIds, unread]) => op.markRead(who, { nodeIds, unread })),
  },
);

const plainSchema = schemaOf([
  field(1, 'name', Kind.STR),
  field(2, 'age', Kind.INT),
  field(3, 'bio', Kind.STR),
  field(4, 'team', Kind.STR),
  field(5, 'friend', Kind.REF),
]);

const transaction = fc.record({
  operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
  preconditions: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(id, fc.integer({ min: 1, max: 3 }))
        .map(([node, version]) => [precondition(node, { version: BigInt(version) })]),
    },
  ),
});

/** Records with one schema from the first on. */
export const transactions: fc.Arbitrary<readonly RecordParts[]> = fc
  .array(transaction, { minLength: 1, maxLength: 30 })
  .map((all) => all.map((parts) => ({ ...parts, schema: fullSchema })));

/** Keys that come more than once; most come once. */
const seldom = (...keys: readonly string[]): fc.Arbitrary<string | undefined> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...keys) },
  );

const record: fc.Arbitrary<RecordParts> = fc
  .tuple(
    transaction,
    fc.constantFrom(undefined, plainSchema, fullSchema),
    fc.boolean(),
    seldom('k1', 'k2', 'k3'),
  )
  .map(([parts, schema, definitions, key]) => ({
    ...parts,
    definitions,
    ...(schema && { schema }),
    ...(key !== undefined && { key }),
  }));

/** Everything that a log can bring: schemas of two versions or none, repeated keys, tenants deleted, erased and made again. */
export const histories: fc.Arbitrary<readonly RecordParts[]> = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: record },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        { body: 'tenantCreated' as const },
        { body: 'tenantDeleted' as const },
        { body: 'tenantErased' as const },
        { body: 'tenantCreated' as const },
      ),
    },
  ),
  { minLength: 1, maxLength: 40 },
);

/** A restore, of what came before it: `back` records ago, and decided on so many epochs too early. */
export interface RestoreStep {
  readonly back: number;
  readonly lateBy: number;
  readonly key?: string;
}

const restore: fc.Arbitrary<RestoreStep> = fc
  .tuple(
    fc.integer({ min: 0, max: 12 }),
    fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
    seldom('k1', 'r1'),
  )
  .map(([back, lateBy, key]) => ({ back, lateBy, ...(key !== undefined && { key }) }));

const few = (body: RecordParts['body']): RecordParts => ({ ...(body !== undefined && { body }) });

/** Short histories with restores in place among everything else. */
export const restoredHistories: fc.Arbitrary<readonly (RecordParts | RestoreStep)[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: record },
    { weight: 3, arbitrary: restore },
    { weight: 1, arbitrary: fc.constantFrom(few('tenantCreated'), few('tenantDeleted')) },
    { weight: 1, arbitrary: fc.constantFrom(few('tenantErased'), few('tenantCreated')) },
  ),
  { minLength: 6, maxLength: 18 },
);
