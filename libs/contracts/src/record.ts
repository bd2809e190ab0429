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

/** The bytes of a record on entdb-wal. The topic's key must be the tenant id. */
export function encodeWalRecord(record: WalRecord): Uint8Array {
  return sealRecord('wal', record.tenantId, toBinary(WalRecordSchema, record));
}

/** Throws RECORD_CORRUPT or UNKNOWN_FORMAT. What it returns has nothing in it that this program does not know. */
export function decodeWalRecord(key: string, value: Uint8Array): WalRecord {
  const record = decode('wal', WalRecordSchema, key, value);
  if (record.tenantId !== key) {
    throw new EntError(
      'RECORD_CORRUPT',
      `record of tenant ${record.tenantId} under the key ${key}`,
      { tenantId: key },
    );
  }
  if (record.body.case === undefined) throw unknownPart('body', key);
  if (record.body.value.$unknown?.length) throw unknownPart('body', key);
  if (record.body.case === 'transaction') {
    for (const { op, $unknown } of record.body.value.operations) {
      if (op.case === undefined || $unknown?.length || op.value.$unknown?.length)
        throw unknownPart('operation', key);
    }
    for (const precondition of record.body.value.preconditions) {
      if (precondition.$unknown?.length) throw unknownPart('precondition', key);
    }
  }
  return record;
}

export function encodeResultRecord(record: ResultRecord): Uint8Array {
  return sealRecord('result', record.tenantId, toBinary(ResultRecordSchema, record));
}

export function decodeResultRecord(key: string, value: Uint8Array): ResultRecord {
  return decode('result', ResultRecordSchema, key, value);
}

/** The topic's key must be the instance. */
export function encodeStatusRecord(record: StatusRecord): Uint8Array {
  return sealRecord('status', record.instance, toBinary(StatusRecordSchema, record));
}

export function decodeStatusRecord(key: string, value: Uint8Array): StatusRecord {
  return decode('status', StatusRecordSchema, key, value);
}

function decode<Desc extends DescMessage>(
  kind: RecordKind,
  schema: Desc,
  key: string,
  value: Uint8Array,
): MessageShape<Desc> {
  const body = openRecord(kind, key, value);
  try {
    const message = fromBinary(schema, body);
    if (message.$unknown?.length) throw unknownPart('record', key);
    return message;
  } catch (cause) {
    if (cause instanceof EntError) throw cause;
    throw new EntError('RECORD_CORRUPT', `${schema.typeName} cannot be decoded`, {
      tenantId: key,
      cause,
    });
  }
}

function unknownPart(part: string, key: string): EntError {
  return new EntError(
    'UNKNOWN_FORMAT',
    `a ${part} of this record is of a kind that this version does not know`,
    {
      tenantId: key,
      hint: 'upgrade this service; the record stays in the log',
    },
  );
}
