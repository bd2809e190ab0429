import { BinaryReader } from '@bufbuild/protobuf/wire';
import { headerBytes } from './envelope.ts';
import { WalRecordSchema } from './gen/entdb/v1/record_pb.ts';
import { decodeWalRecord } from './record.ts';

/**
 * Whether a record of entdb-wal is a deletion with `erase`. One that this version cannot read is none: nobody goes on behind it. Cheap for all others, whose
 * fields are only stepped over.
 */
export function isErasure(key: string, value: Uint8Array): boolean {
  try {
    if (!hasDeletion(value.subarray(headerBytes))) return false;
    const { body } = decodeWalRecord(key, value);
    return body.case === 'tenantDeleted' && body.value.erase;
  } catch {
    return false; // it cannot be read
  }
}

function hasDeletion(body: Uint8Array): boolean {
  const wanted = WalRecordSchema.field.tenantDeleted.number;
  const reader = new BinaryReader(body);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === wanted) return true;
    reader.skip(type, number);
  }
  return false;
}
