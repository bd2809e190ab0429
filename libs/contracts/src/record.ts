import { fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { EntError } from '@entdb/base';
import { openRecord, sealRecord, type RecordKind } from './envelope.ts';
import {
  ResultRecordSchema,
  StatusRecordSchema,
  WalRecordSchema,
  type ResultRecord,
  type StatusRecord,
  type WalRecord,
} from './gen/entdb/v1/record_pb.ts';
import { unknownPart } from './unknown-part.ts';
import { walRecordBody } from './record-bytes.ts';

/**
 * The bytes of a record on entdb-wal. The topic's key must be the tenant id. Who has the canonical bytes of the record's transaction already hands
 * them in: encoding it is the dearest part.
 */
export function encodeWalRecord(record: WalRecord, transactionBytes?: Uint8Array): Uint8Array {
  return sealRecord('wal', record.tenantId, walRecordBody(record, transactionBytes));
}

/** Throws RECORD_CORRUPT or UNKNOWN_FORMAT. What it returns has nothing in it that this program does not know. */
export function decodeWalRecord(key: string, value: Uint8Array): WalRecord {
  const record = decode('wal', WalRecordSchema, key, value);
  if (record.tenantId !== key) throw wrongKey(`record of tenant ${record.tenantId}`, key);
  const unknown = unknownPart(WalRecordSchema, record);
  if (unknown !== undefined) throw unknownFormat(unknown, key);
  return record;
}

export function encodeResultRecord(record: ResultRecord): Uint8Array {
  return sealRecord('result', record.tenantId, toBinary(ResultRecordSchema, record));
}

/** Throws RECORD_CORRUPT or UNKNOWN_FORMAT. */
export function decodeResultRecord(key: string, value: Uint8Array): ResultRecord {
  const record = decode('result', ResultRecordSchema, key, value);
  if (record.tenantId !== key) throw wrongKey(`result of tenant ${record.tenantId}`, key);
  return record;
}

/** The topic's key must be the instance. */
export function encodeStatusRecord(record: StatusRecord): Uint8Array {
  return sealRecord('status', record.instance, toBinary(StatusRecordSchema, record));
}

/** Throws RECORD_CORRUPT or UNKNOWN_FORMAT. */
export function decodeStatusRecord(key: string, value: Uint8Array): StatusRecord {
  const record = decode('status', StatusRecordSchema, key, value);
  if (record.instance !== key) throw wrongKey(`status of ${record.instance}`, key);
  return record;
}

function decode<Desc extends DescMessage>(
  kind: RecordKind,
  desc: Desc,
  key: string,
  value: Uint8Array,
): MessageShape<Desc> {
  const body = openRecord(kind, key, value);
  try {
    const message = fromBinary(desc, body);
    if (message.$unknown?.length) throw unknownFormat(desc.name, key);
    return message;
  } catch (cause) {
    if (cause instanceof EntError) throw cause;
    throw new EntError('RECORD_CORRUPT', `${desc.typeName} cannot be decoded`, {
      tenantId: key,
      cause,
    });
  }
}

function wrongKey(what: string, key: string): EntError {
  return new EntError('RECORD_CORRUPT', `${what} under the key ${key}`, { tenantId: key });
}

function unknownFormat(path: string, key: string): EntError {
  return new EntError(
    'UNKNOWN_FORMAT',
    `this version does not know a part of the record: ${path}`,
    {
      tenantId: key,
      hint: 'upgrade this service; the record stays in the log',
    },
  );
}
