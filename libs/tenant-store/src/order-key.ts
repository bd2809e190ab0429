import { EntError } from '@entdb/base';
import { kindName, type AnyValue } from '@entdb/contracts';

/**
 * Bytes whose order (memcmp, as SQLite compares blobs) is the order of the values: what indexes and page tokens hold. Values of one field
 * have one kind; the kind byte keeps schemaless writers of another kind apart.
 *
 *     int, timestamp: kind, int64 big endian with the sign bit turned      str, enum, ref: kind, UTF-8
 *     float: kind, IEEE bits, all turned for negatives, sign bit turned for others (-0 is 0)      bool: kind, one byte      bytes: kind, bytes
 */
const kindBytes: Partial<Record<AnyValue['case'], number>> = {
  str: 1,
  int: 2,
  float: 3,
  bool: 4,
  timestampUs: 5,
  bytes: 7,
  enum: 8,
  ref: 9,
};

export function orderKey(value: AnyValue): Buffer {
  const kind = kindBytes[value.case];
  switch (value.case) {
    case 'str':
    case 'enum':
    case 'ref':
      return Buffer.concat([Buffer.of(kind!), Buffer.from(value.value, 'utf8')]);
    case 'bytes':
      return Buffer.concat([Buffer.of(kind!), value.value]);
    case 'bool':
      return Buffer.of(kind!, value.value ? 1 : 0);
    case 'int':
    case 'timestampUs': {
      const key = Buffer.allocUnsafe(9);
      key[0] = kind!;
      key.writeBigInt64BE(value.value, 1);
      key[1]! ^= 0x80;
      return key;
    }
    case 'float': {
      const key = Buffer.allocUnsafe(9);
      key[0] = kind!;
      key.writeDoubleBE(value.value === 0 ? 0 : value.value, 1);
      if (key[1]! & 0x80) for (let i = 1; i < 9; i++) key[i]! ^= 0xff;
      else key[1]! ^= 0x80;
      return key;
    }
    case 'json':
    case 'list':
      throw new EntError('INVALID_FILTER', `values of kind ${kindName(value.case)} have no order`);
  }
}

/** The key of a unique combination: each part with its length, so that ("a","bc") and ("ab","c") differ. */
export function combinedKey(values: readonly AnyValue[]): Buffer {
  if (values.length === 1) return orderKey(values[0]!);
  const parts = values.flatMap((value) => {
    const key = orderKey(value);
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(key.length);
    return [length, key];
  });
  return Buffer.concat(parts);
}
