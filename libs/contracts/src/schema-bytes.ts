import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { EntError } from '@entdb/base';
import { SchemaSchema, type Schema } from './gen/entdb/v1/schema_pb.ts';

/** A schema as a tenant's files keep it. */
export function encodeSchema(schema: Schema): Uint8Array {
  return toBinary(SchemaSchema, schema);
}

/** Throws STORE_CORRUPT. */
export function decodeSchema(bytes: Uint8Array): Schema {
  try {
    return fromBinary(SchemaSchema, bytes);
  } catch (cause) {
    throw new EntError('STORE_CORRUPT', 'a stored schema cannot be decoded', { cause });
  }
}
