import { fromJson, toJson, type JsonValue } from '@bufbuild/protobuf';
import { openRecord, sealRecord } from './envelope.ts';
import { WalRecordSchema } from './gen/entdb/v1/record_pb.ts';
import { shapeOf } from './json-shape.ts';
import { jsonText } from './json-text.ts';
import { isWireOfJson, wireOfJson } from './json-wire.ts';
import { decodeWalRecord, encodeWalRecord } from './record.ts';

const head = '{"tenantId":"';
const shape = shapeOf(WalRecordSchema);

/**
 * A record of entdb-wal as the JSON of protobuf, compact, if that gives the stored bytes back: this very text has been parsed and encoded again, and compared
 * with them. Undefined for a float -0, for what another program has encoded, for what this version cannot read.
 */
export function walRecordProvenJson(key: string, value: Uint8Array): string | undefined {
  try {
    const body = openRecord('wal', key, value);
    const text = jsonText(shape, body);
    if (text !== undefined && isOfTenant(text, key) && isWireOfJson(shape, JSON.parse(text), body))
      return text;
    const long = JSON.stringify(toJson(WalRecordSchema, decodeWalRecord(key, value)));
    return Buffer.compare(walRecordFromJson(JSON.parse(long)).value, value) === 0
      ? long
      : undefined;
  } catch {
    return undefined; // whatever is wrong with the record: it has no JSON
  }
}

/** The tenant id is a record's first field. A key that has to be escaped is no tenant's. */
function isOfTenant(text: string, key: string): boolean {
  const end = head.length + key.length;
  return text.startsWith(head) && text.startsWith(key, head.length) && text[end] === '"';
}

/** The record as it is stored, made from the parsed JSON. Throws where this version cannot read it. */
export function walRecordFromJson(json: unknown): {
  readonly tenantId: string;
  readonly value: Uint8Array;
} {
  const body = wireOfJson(shape, json);
  if (body) {
    const { tenantId = '' } = json as { readonly tenantId?: string }; // it has just been written as text
    return { tenantId, value: sealRecord('wal', tenantId, body) };
  }
  const record = fromJson(WalRecordSchema, json as JsonValue); // what is no JSON value is refused
  return { tenantId: record.tenantId, value: encodeWalRecord(record) };
}
