/** Method: the library's writer is the measure; transactions of every shape, and each message with a part that is not known. */
import { create, toBinary, type DescMessage } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { WalRecordSchema, type WalRecord } from './gen/entdb/v1/record_pb.ts';
import {
  CreateEdgeSchema,
  CreateNodeSchema,
  DeliverySchema,
  OnConflict,
  OperationSchema,
  TransactionSchema,
  UpdateNodeSchema,
  type Transaction,
} from './gen/entdb/v1/transaction_pb.ts';
import { ListValueSchema, ValueSchema } from './gen/entdb/v1/value_pb.ts';
import { walRecordBody } from './record-bytes.ts';
import { encodeTransaction, requestHashOf } from './request-hash.ts';
import { fields, text, transaction } from './testing/arbitrary.ts';
import { sampleRecords } from './testing/samples.ts';
import { val } from './value.ts';

const plain = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const expectSame = (message: Transaction) =>
  expect(plain(encodeTransaction(message))).toBe(plain(toBinary(TransactionSchema, message)));
const transactionOf = (...operations: Transaction['operations']) =>
  create(TransactionSchema, { operations });
const createOf = (value: object) =>
  create(OperationSchema, { op: { case: 'createNode', value: { typeId: 1, id: 'a', ...value } } });

const delivery = fc
  .record({ userIds: fc.array(text, { maxLength: 3 }), threadId: text, snippet: text, text })
  .map((init) => create(DeliverySchema, init));
const edge = fc
  .record({ typeId: fc.nat(), fromId: text, toId: text, key: text, fields })
  .map((value) => create(OperationSchema, { op: { case: 'createEdge', value } }));
const delivered = fc
  .record({ alias: text, fields, delivery, onConflict: fc.integer({ min: -2, max: 2 }) })
  .map((value) => createOf(value as object));
const updated = fc
  .record({ set: fields, clear: fc.array(fc.nat(), { maxLength: 200 }), delivery })
  .map((value) => create(OperationSchema, { op: { case: 'updateNode', value } }));

describe('the bytes of a transaction', () => {
  it('are those of the library, whatever is in it', () => {
    fc.assert(fc.property(transaction, expectSame));
    fc.assert(
      fc.property(fc.array(fc.oneof(edge, delivered, updated), { maxLength: 4 }), (operations) =>
        expectSame(transactionOf(...operations)),
      ),
    );
  });

  it.each([0, 1, 47, 48, 49, 127, 128, 16_383, 16_384, 70_000, 2_100_000])(
    'are those of the library with texts of %i characters, of one byte and of more',
    (length) => {
      for (const unit of ['x', 'é', '語', '\u{1F600}'])
        expectSame(transactionOf(createOf({ fields: { 1: val.str(unit.repeat(length)) } })));
      expectSame(transactionOf(createOf({ fields: { 1: val.str(`${'x'.repeat(length)}é`) } })));
      expectSame(transactionOf(createOf({ fields: { 1: val.bytes(new Uint8Array(length)) } })));
    },
  );

  it('are those of the library for the samples, and for what says nothing', () => {
    for (const { body } of Object.values(sampleRecords))
      if (body.case === 'transaction') expectSame(body.value);
    expectSame(create(TransactionSchema));
    expectSame(transactionOf(create(OperationSchema)));
    expectSame(transactionOf(createOf({ fields: { 1: create(ValueSchema) } })));
    expectSame(transactionOf(createOf({ onConflict: OnConflict.SKIP })));
  });

  it('refuse what is no number of its kind', () => {
    for (const typeId of [-1, 1.5, 2 ** 32])
      expect(() => encodeTransaction(transactionOf(createOf({ typeId })))).toThrow();
    const large = createOf({ fields: { 1: val.int(2n ** 63n) } });
    expect(() => encodeTransaction(transactionOf(large))).toThrow();
    expectSame(transactionOf(createOf({})));
  });

  it('know every field of the messages that are written by hand', () => {
    const known = (desc: DescMessage) => desc.fields.map(({ name }) => name).join(' ');
    expect(known(TransactionSchema)).toBe('operations preconditions');
    expect(known(CreateNodeSchema)).toBe('alias type_id id fields on_conflict delivery');
    expect(known(UpdateNodeSchema)).toBe('type_id id set clear delivery');
    expect(known(CreateEdgeSchema)).toBe('type_id from_id to_id key fields on_conflict');
    expect(known(ValueSchema)).toBe('str int float bool timestamp_us json bytes enum ref list');
    expect(known(ListValueSchema)).toBe('values');
    expect(known(WalRecordSchema)).toBe(
      'tenant_id idempotency_key request_hash actor schema_fingerprint schema auto_create results transaction tenant_created tenant_deleted tenant_restored',
    );
  });
});

describe('the body of a record', () => {
  const expectSameRecord = (record: WalRecord) => {
    const whole = plain(toBinary(WalRecordSchema, record));
    expect(plain(walRecordBody(record))).toBe(whole);
    if (record.body.case !== 'transaction') return;
    expect(plain(walRecordBody(record, encodeTransaction(record.body.value)))).toBe(whole);
  };

  it('has the bytes of the library', () => {
    Object.values(sampleRecords).forEach(expectSameRecord);
    fc.assert(
      fc.property(transaction, text, fc.boolean(), fc.nat(), (value, key, yes, partition) => {
        expectSameRecord(
          create(WalRecordSchema, {
            tenantId: key,
            idempotencyKey: `${key}-key`,
            requestHash: yes ? requestHashOf(encodeTransaction(value)) : new Uint8Array(),
            autoCreate: yes,
            ...(yes && { results: { partition } }),
            body: { case: 'transaction', value },
          }),
        );
      }),
    );
  });
});
