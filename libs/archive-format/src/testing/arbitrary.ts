import { create } from '@bufbuild/protobuf';
import { encodeWalRecord, val, WalRecordSchema, type WalRecord } from '@entdb/contracts';
import * as fc from 'fast-check';
import type { ArchivedRecord } from '../line.ts';

/** Records of one tenant, of every kind that a log may hold: whole ones, those of another time, and damaged ones. */

export const tenant = 'acme';

/** Well-formed text with everything that an encoding may trip over. */
export const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    '',
    '\u{1F600}',
    'a\0b',
    '\uFFFD',
    '\uFEFF',
    '\u2028\n"\\',
    '\u{10FFFF}',
    '__proto__',
  ),
);
export const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 0n),
);

const scalar = fc.oneof(
  text.map(val.str),
  int64.map(val.int),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(val.float),
  fc.boolean().map(val.bool),
  int64.map(val.timestamp),
  fc.json({ maxDepth: 2 }).map(val.json),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => val.bytes(new Uint8Array(bytes))),
  text.map(val.enum),
);
const fieldId = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.constantFrom(0xfffffffe, 0xffffffff, 16384),
);
const fields = fc
  .uniqueArray(fc.tuple(fieldId, fc.oneof(scalar, fc.array(int64.map(val.int)).map(val.list))), {
    selector: ([id]) => id,
    maxLength: 5,
  })
  .map((entries) => Object.fromEntries(entries));

export const walRecord: fc.Arbitrary<WalRecord> = fc
  .record({
    idempotencyKey: text,
    requestHash: fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((hash) => new Uint8Array(hash)),
    actor: text,
    autoCreate: fc.boolean(),
    results: fc.option(fc.record({ partition: fc.nat(0xffffffff) }), { nil: undefined }),
    typeId: fieldId,
    id: text,
    fields,
    version: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    body: fc.constantFrom('transaction', 'tenantCreated', 'tenantDeleted', 'tenantRestored'),
    erase: fc.boolean(),
    digest: text,
  })
  .map(({ typeId, id, fields: set, version, body, erase, digest, results, ...head }) =>
    create(WalRecordSchema, {
      tenantId: tenant,
      ...head,
      ...(results && { results }),
      body:
        body === 'transaction'
          ? {
              case: 'transaction',
              value: {
                operations: [
                  { op: { case: 'createNode', value: { typeId, id, fields: set } } },
                  { op: { case: 'deleteNode', value: { typeId, id } } },
                ],
                preconditions: [{ typeId, nodeId: id, version, equals: set }],
              },
            }
          : body === 'tenantCreated'
            ? { case: 'tenantCreated', value: {} }
            : body === 'tenantDeleted'
              ? { case: 'tenantDeleted', value: { erase } }
              : {
                  case: 'tenantRestored',
                  value: {
                    ...(erase && { position: { topic: id, partition: typeId, epoch: version } }),
                    sequence: version,
                    canonicalDigest: digest,
                    mailboxDigest: id,
                    objectPrefix: digest,
                    manifestSha256: id,
                    expectedEpoch: version,
                  },
                },
    }),
  );

const whole = walRecord.map(encodeWalRecord);
const damaged = fc
  .tuple(whole, fc.nat(), fc.integer({ min: 1, max: 255 }))
  .map(([value, at, by]) => {
    const copy = Uint8Array.from(value);
    const index = at % copy.length;
    copy[index] = (copy[index] ?? 0) ^ by;
    return copy;
  });
const anything = fc.uint8Array({ maxLength: 40 }).map((bytes) => new Uint8Array(bytes));

/** The stored bytes of a record. */
export const storedValue: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 6, arbitrary: whole },
  { weight: 1, arbitrary: damaged },
  { weight: 1, arbitrary: anything },
);

/** Consecutive records from a sequence on: offsets rise with holes, times go where they like. */
export function recordsFrom(
  first: { readonly sequence: number; readonly offset: number; readonly partition: number },
  { minLength = 1, maxLength = 8 } = {},
): fc.Arbitrary<readonly ArchivedRecord[]> {
  const step = fc.record({
    skipped: fc.nat(3),
    timeMs: fc.integer({ min: 1_790_000_000_000, max: 1_790_300_000_000 }),
    value: storedValue,
  });
  return fc.array(step, { minLength, maxLength }).map((steps) => {
    let { offset } = first;
    return steps.map(({ skipped, timeMs, value }, index) => {
      offset += skipped + (index === 0 ? 0 : 1);
      return {
        partition: first.partition,
        offset,
        timeMs,
        sequence: first.sequence + index,
        value,
      };
    });
  });
}
