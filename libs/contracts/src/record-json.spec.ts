/** Method: the library's way is the measure, for whole records of every shape, for damaged ones, and for JSON that somebody else could write. */
import { create, fromJson, toBinary, toJson, type JsonValue } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { sealRecord } from './envelope.ts';
import { WalRecordSchema, type WalRecord } from './gen/entdb/v1/record_pb.ts';
import { OperationSchema, Operator, TransactionSchema } from './gen/entdb/v1/transaction_pb.ts';
import { shapeOf } from './json-shape.ts';
import { jsonText } from './json-text.ts';
import { wireOfJson } from './json-wire.ts';
import { walRecordFromJson, walRecordProvenJson } from './record-json.ts';
import { decodeWalRecord, encodeWalRecord } from './record.ts';
import { fieldId, fields, int64, scalar, text, transaction } from './testing/arbitrary.ts';
import { sampleRecords, sampleSchema } from './testing/samples.ts';
import { val } from './value.ts';

const shape = shapeOf(WalRecordSchema);
const tenantId = 'acme';

/** As it was done before there was a short way. */
function longWay(value: Uint8Array): string | undefined {
  try {
    const text = JSON.stringify(toJson(WalRecordSchema, decodeWalRecord(tenantId, value)));
    const back = encodeWalRecord(fromJson(WalRecordSchema, JSON.parse(text) as JsonValue));
    return Buffer.compare(back, value) === 0 ? text : undefined;
  } catch {
    return undefined;
  }
}

const comparison = fc
  .record({
    fieldId,
    operator: fc.integer({ min: 0, max: 12 }),
    values: fc.array(scalar, { maxLength: 2 }),
  })
  .map((compare) => ({ expression: { case: 'compare' as const, value: compare } }));
const filter = fc.oneof(
  comparison,
  fc.array(comparison, { maxLength: 3 }).map((filters) => ({
    expression: { case: 'and' as const, value: { filters } },
  })),
);
const otherOperations = fc.oneof(
  fc
    .record({ typeId: fieldId, fromId: text, toId: text, key: text, fields })
    .map((value) => create(OperationSchema, { op: { case: 'createEdge', value } })),
  fc
    .record({ typeId: fieldId, filter, maxMatches: fc.nat(3) })
    .map((value) =>
      create(OperationSchema, { op: { case: 'deleteWhere', value: value as object } }),
    ),
  fc
    .record({ userId: text, nodeIds: fc.array(text, { maxLength: 3 }), unread: fc.boolean() })
    .map((value) => create(OperationSchema, { op: { case: 'markRead', value } })),
  fc
    .record({ alias: text, id: text, onConflict: fc.integer({ min: -2, max: 2 }) })
    .map((value) =>
      create(OperationSchema, { op: { case: 'createNode', value: value as object } }),
    ),
);
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const body: fc.Arbitrary<WalRecord['body']> = fc.oneof(
  transaction.map((value) => ({ case: 'transaction' as const, value })),
  fc.array(otherOperations, { maxLength: 4 }).map((operations) => ({
    case: 'transaction' as const,
    value: create(TransactionSchema, { operations }),
  })),
  fc.boolean().map((erase) => ({
    case: 'tenantDeleted' as const,
    value: { $typeName: 'entdb.v1.TenantDeleted' as const, erase },
  })),
  fc.record({ sequence: uint64, offset: int64, partition: fieldId, objectPrefix: text }).map(
    ({ sequence, offset, partition, objectPrefix }) =>
      create(WalRecordSchema, {
        body: {
          case: 'tenantRestored',
          value: { sequence, position: { topic: 't', partition, offset }, objectPrefix },
        },
      }).body,
  ),
  fc.constant({ case: undefined }),
);
const record = fc
  .record({
    idempotencyKey: text,
    actor: text,
    requestHash: fc.uint8Array({ maxLength: 33 }).map((bytes) => new Uint8Array(bytes)),
    schemaFingerprint: text,
    autoCreate: fc.boolean(),
    hasSchema: fc.boolean(),
    body,
  })
  .map(({ hasSchema, ...head }) =>
    create(WalRecordSchema, { tenantId, ...head, ...(hasSchema && { schema: sampleSchema }) }),
  );

describe('the proven JSON of a record', () => {
  it('is the text of the library, or none where that gives none', () => {
    let short = 0;
    fc.assert(
      fc.property(record, (message) => {
        const value = encodeWalRecord(message);
        const proven = walRecordProvenJson(tenantId, value);
        expect(proven).toBe(longWay(value));
        if (jsonText(shape, value.subarray(8)) !== undefined) short += 1;
      }),
      { numRuns: 1_000 },
    );
    expect(short).toBeGreaterThan(500); // or nothing was gained
  });

  it('takes the short way for all samples', () => {
    for (const sample of Object.values(sampleRecords)) {
      const value = encodeWalRecord(sample);
      expect(jsonText(shape, value.subarray(8))).toBe(longWay(value));
    }
  });

  it('is none for bytes that say the same in another way, or nothing that we know', () => {
    const change = fc.record({
      at: fc.nat(),
      cut: fc.nat(2),
      insert: fc.uint8Array({ maxLength: 3 }),
    });
    fc.assert(
      fc.property(record, fc.array(change, { minLength: 1, maxLength: 3 }), (message, changes) => {
        let bytes: Uint8Array = toBinary(WalRecordSchema, message);
        for (const { at, cut, insert } of changes) {
          const place = at % (bytes.length + 1);
          bytes = Buffer.concat([bytes.subarray(0, place), insert, bytes.subarray(place + cut)]);
        }
        const value = sealRecord('wal', tenantId, bytes); // well sealed: the envelope is not asked
        expect(walRecordProvenJson(tenantId, value)).toBe(longWay(value));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each<[string, string]>([
    ['a varint that could be shorter', '0a0461636d65408100 5200'],
    ['a boolean of 2', '0a0461636d6538025200'],
    ['a default that is written', '0a0461636d6538005200'],
    ['fields out of order', '52000a0461636d65'],
    ['a field twice', '0a0461636d650a0461636d655200'],
    ['two bodies', '0a0461636d6552005a00'],
    ['no body', '0a0461636d65'],
    ['a later field', '0a0461636d655200f80701'],
    ['text that is not UTF-8', '0a0461636d6512 01ff5200'],
    ['a surrogate', '0a0461636d651203eda0805200'],
    ['a length beyond the end', '0a0461636d65127f'],
    ['another tenant', '0a046f746865725200'],
    ['another tenant that begins alike', '0a0561636d65 725200'],
    ['another tenant of that length', '0a0461636d665200'],
  ])('is none for %s', (_, hex) => {
    const value = sealRecord('wal', tenantId, Buffer.from(hex.replaceAll(' ', ''), 'hex'));
    expect(walRecordProvenJson(tenantId, value)).toBeUndefined();
    expect(longWay(value)).toBeUndefined();
  });

  it.each([0, 1, 47, 48, 49, 127, 128, 16_384, 70_000])(
    'knows texts of %i characters, plain, escaped and of more bytes',
    (length) => {
      for (const unit of ['x', '"', '\u001f', '\u007f', 'é', '\u{1F600}'])
        for (const str of [unit.repeat(length), `${'x'.repeat(length)}${unit}`]) {
          const value = encodeWalRecord(
            create(WalRecordSchema, {
              tenantId,
              body: {
                case: 'transaction',
                value: {
                  operations: [
                    { op: { case: 'updateNode', value: { typeId: 1, set: { 1: val.str(str) } } } },
                  ],
                },
              },
            }),
          );
          expect(jsonText(shape, value.subarray(8))).toBe(longWay(value));
        }
    },
  );
});

describe('a record from JSON', () => {
  const plain = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

  it('has the bytes that the library gives, or is refused by it', () => {
    fc.assert(
      fc.property(record, (message) => {
        const json = toJson(WalRecordSchema, message);
        const back = walRecordFromJson(json);
        expect(back.tenantId).toBe(tenantId);
        expect(plain(back.value)).toBe(plain(encodeWalRecord(fromJson(WalRecordSchema, json))));
      }),
    );
  });

  const operation = (op: object) => ({ tenantId, transaction: { operations: [op] } });
  const where = (compare: object) => operation({ deleteWhere: { filter: { compare } } });

  it.each<[string, unknown]>([
    ['names as in the contract', { tenant_id: tenantId, tenantCreated: {} }],
    ['another order', { tenantCreated: {}, tenantId }],
    ['nulls', { tenantId, actor: null, tenantCreated: {} }],
    ['what could be left out', { tenantId, actor: '', autoCreate: false, tenantCreated: {} }],
    ['numbers as text', operation({ createNode: { typeId: '7' } })],
    ['a long number as a number', operation({ createNode: { fields: { 1: { int: 7 } } } })],
    ['a long number with a zero', operation({ createNode: { fields: { 1: { int: '07' } } } })],
    ['a float as text', operation({ createNode: { fields: { 1: { float: '0.5' } } } })],
    ['base64 of another alphabet', { tenantId, requestHash: '-_8', tenantCreated: {} }],
    ['an enum as a number', where({ operator: Operator.IN })],
    ['an empty list', operation({ createNode: { delivery: { userIds: [] } } })],
    ['an empty map', operation({ createNode: { fields: {} } })],
    ['a key that is no number', operation({ createNode: { fields: { b: { int: '1' } } } })],
    ['a field that is not there', { tenantId, actress: 'x', tenantCreated: {} }],
    ['two bodies', { tenantId, tenantCreated: {}, tenantDeleted: {} }],
    ['a list where a text must be', { tenantId: ['acme'] }],
    ['half a surrogate pair', { tenantId, actor: '\ud800', tenantCreated: {} }],
    [
      'a number beyond 64 bits',
      operation({ createNode: { fields: { 1: { int: '9'.repeat(19) } } } }),
    ],
    ['a number beyond 32 bits', operation({ createNode: { typeId: 2 ** 32 } })],
    ['a fraction', operation({ createNode: { typeId: 1.5 } })],
    ['no object', 'acme'],
    ['nothing', undefined],
  ])('as others may write it: %s', (_, json) => {
    const other = attempt(() => encodeWalRecord(fromJson(WalRecordSchema, json as JsonValue)));
    expect(attempt(() => walRecordFromJson(json).value)).toEqual(other);
    if (json !== undefined) expect(wireOfJson(shape, json)).toBeUndefined();
  });

  const attempt = (work: () => Uint8Array): string => {
    try {
      return plain(work());
    } catch {
      return 'refused';
    }
  };
});
