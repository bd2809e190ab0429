import * as fc from 'fast-check';
import { OnConflict, type Transaction } from '../gen/entdb/v1/transaction_pb.ts';
import { val, type Fields } from '../value.ts';
import type { Value } from '../gen/entdb/v1/value_pb.ts';

/** Values and transactions of every shape, for the property tests of this package. */

/** Well-formed text, with surrogate pairs, the empty string, and the characters that encodings trip over. */
export const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('', '\u{1F600}', 'a\0b', '\uFFFD', '\uFEFF', '\uD7FF\uE000', '\u{10FFFF}'),
);

export const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 0n, -1n),
);

export const float = fc.double({ noNaN: true, noDefaultInfinity: true });

const id = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 12 })
  .map((raw) => `n${raw.replaceAll('\0', '')}`);

const scalars: readonly fc.Arbitrary<Value>[] = [
  text.map(val.str),
  int64.map(val.int),
  float.map(val.float),
  fc.boolean().map(val.bool),
  int64.map(val.timestamp),
  fc.json({ maxDepth: 2 }).map(val.json),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => val.bytes(new Uint8Array(bytes))),
  text.map(val.enum),
  id.map(val.ref),
];

export const scalar = fc.oneof(...scalars);

export const value = fc.oneof(
  { weight: 4, arbitrary: scalar },
  {
    weight: 1,
    arbitrary: fc.oneof(...scalars.map((items) => fc.array(items, { maxLength: 4 }).map(val.list))),
  },
);

export const fieldId = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.integer({ min: 1, max: 0xffffffff }),
  fc.constantFrom(127, 128, 16383, 16384, 0xfffffffe, 0xffffffff),
);

export const fieldEntries = fc.uniqueArray(fc.tuple(fieldId, value), {
  selector: ([key]) => key,
  maxLength: 6,
});

export const fields: fc.Arbitrary<Fields> = fieldEntries.map((entries) =>
  Object.fromEntries(entries),
);

const create = fc
  .record({ typeId: fieldId, id, fields, skip: fc.boolean() })
  .map(({ typeId, id: nodeId, fields: set, skip }) => ({
    $typeName: 'entdb.v1.Operation' as const,
    op: {
      case: 'createNode' as const,
      value: {
        $typeName: 'entdb.v1.CreateNode' as const,
        alias: '',
        typeId,
        id: nodeId,
        fields: set,
        onConflict: skip ? OnConflict.SKIP : OnConflict.UNSPECIFIED,
      },
    },
  }));

const update = fc
  .record({ typeId: fieldId, id, set: fields, clear: fc.array(fieldId, { maxLength: 3 }) })
  .map((change) => ({
    $typeName: 'entdb.v1.Operation' as const,
    op: {
      case: 'updateNode' as const,
      value: { $typeName: 'entdb.v1.UpdateNode' as const, ...change },
    },
  }));

const remove = fc.record({ typeId: fieldId, id }).map((named) => ({
  $typeName: 'entdb.v1.Operation' as const,
  op: {
    case: 'deleteNode' as const,
    value: { $typeName: 'entdb.v1.DeleteNode' as const, ...named },
  },
}));

export const transaction: fc.Arbitrary<Transaction> = fc
  .record({
    operations: fc.array(fc.oneof(create, update, remove), { minLength: 1, maxLength: 4 }),
    preconditions: fc.array(
      fc.record({
        $typeName: fc.constant('entdb.v1.Precondition' as const),
        typeId: fieldId,
        nodeId: id,
        version: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        equals: fields,
        absent: fc.array(fieldId, { maxLength: 2 }),
      }),
      { maxLength: 2 },
    ),
  })
  .map((parts) => ({ $typeName: 'entdb.v1.Transaction', ...parts }));
