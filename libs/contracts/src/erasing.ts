import { WireType } from '@bufbuild/protobuf/wire';
import { headerBytes } from './envelope.ts';
import { WalRecordSchema } from './gen/entdb/v1/record_pb.ts';
import { decodeWalRecord } from './record.ts';
import { lengthTag } from './wire-fields.ts';

/**
 * Whether a record of entdb-wal is a deletion with `erase`. One that this version cannot read is none: nobody goes on behind it. Cheap for all others, whose
 * fields are only stepped over.
 */
export function isErasure(key: string, value: Uint8Array): boolean {
  try {
    if (!mayErase(value)) return false;
    const { body } = decodeWalRecord(key, value);
    return body.case === 'tenantDeleted' && body.value.erase;
  } catch {
    return false; // it cannot be read
  }
}

const tagOfDeletion = lengthTag(WalRecordSchema.field.tenantDeleted);

/** Whether there is a deletion in it. By hand, for every record that is archived comes through here. */
export function mayErase(value: Uint8Array): boolean {
  const body = value.subarray(headerBytes);
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; at < body.length; shift += 7) {
      const byte = body[at++]!;
      if (shift < 28) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (at < body.length) {
    const tag = varint();
    if (tag === tagOfDeletion) return true;
    const type = tag & 7;
    if (type === WireType.Varint) varint();
    else if (type === WireType.LengthDelimited) {
      const length = varint(); // first: it moves the place, too
      at += length;
    } else return true; // none of ours: whoever decodes it decides
  }
  return false;
}
