import { toBinary } from '@bufbuild/protobuf';
import { invariant } from '@entdb/base';
import { ResultsAddressSchema, WalRecordSchema, type WalRecord } from './gen/entdb/v1/record_pb.ts';
import { SchemaSchema } from './gen/entdb/v1/schema_pb.ts';
import { TransactionSchema } from './gen/entdb/v1/transaction_pb.ts';
import { writeTransaction } from './transaction-bytes.ts';
import { lengthTag, varintTag, writeMessage, writeTextField, writeWhole } from './wire-fields.ts';
import { beginWire, takeWire, writeBool, writeBytes, writeUint32 } from './wire-writer.ts';

const { field } = WalRecordSchema;
const tags = {
  tenantId: lengthTag(field.tenantId),
  idempotencyKey: lengthTag(field.idempotencyKey),
  requestHash: lengthTag(field.requestHash),
  actor: lengthTag(field.actor),
  schemaFingerprint: lengthTag(field.schemaFingerprint),
  schema: lengthTag(field.schema),
  autoCreate: varintTag(field.autoCreate),
  results: lengthTag(field.results),
  transaction: lengthTag(field.transaction),
};

/** As `toBinary` of the record, byte for byte, where the bytes of its transaction may be there already. */
export function walRecordBody(record: WalRecord, transactionBytes?: Uint8Array): Uint8Array {
  const { body } = record;
  invariant(
    transactionBytes === undefined || body.case === 'transaction',
    'the bytes of a transaction are those of the body',
  );
  if (body.case !== 'transaction' || record.$unknown !== undefined)
    return toBinary(WalRecordSchema, record);
  beginWire();
  writeHead(record);
  if (transactionBytes) {
    writeUint32(tags.transaction);
    writeBytes(transactionBytes);
  } else writeMessage(tags.transaction, TransactionSchema, body.value, writeTransaction);
  return takeWire();
}

/** All but the body, which is the last of the fields. */
function writeHead(record: WalRecord): void {
  writeTextField(tags.tenantId, record.tenantId);
  writeTextField(tags.idempotencyKey, record.idempotencyKey);
  if (record.requestHash.length > 0) {
    writeUint32(tags.requestHash);
    writeBytes(record.requestHash);
  }
  writeTextField(tags.actor, record.actor);
  writeTextField(tags.schemaFingerprint, record.schemaFingerprint);
  if (record.schema) writeWhole(tags.schema, SchemaSchema, record.schema);
  if (record.autoCreate) {
    writeUint32(tags.autoCreate);
    writeBool(true);
  }
  if (record.results) writeWhole(tags.results, ResultsAddressSchema, record.results);
}
