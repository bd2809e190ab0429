import { EntError } from '@entdb/base';
import { walRecordFromJson, walRecordProvenJson } from '@entdb/contracts';
import { isCount, isObject } from './document.ts';
import { formatFault, type Place } from './faults.ts';

/** A record of a tenant as it stands in the log, by its exact bytes. */
export interface ArchivedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timeMs: number;
  /** The tenant's own number of it: dense, from 1. */
  readonly sequence: number;
  readonly value: Uint8Array;
}

/** How a line holds the bytes: as JSON from which they were made again and compared, or as they are. */
export type LineProof = 'json' | 'base64';

/** Without the line feed. Longer JSON gives way to base64, which a record of the log's largest size fills by a sixth. */
export const lineBytesMax = 8 * 1024 * 1024;

/**
 * One line of a segment (docs/formats/segment.md). The proof is made here and now, for this very text: it is parsed and encoded again,
 * and must give the stored bytes. What it does not hold for (a record that this version cannot decode, a float -0, a protobuf
 * encoding of somebody else's) is kept as base64.
 */
export function encodeLine(
  tenantId: string,
  record: ArchivedRecord,
): { readonly line: string; readonly proof: LineProof } {
  const { partition, offset, timeMs, sequence, value } = record;
  const head = `{"partition":${partition},"offset":${offset},"time_ms":${timeMs},"sequence":${sequence}`;
  const json = walRecordProvenJson(tenantId, value);
  if (json !== undefined) {
    const line = `${head},"crc32":"${sealedCrc(value)}","record":${json}}`;
    if (isLine(line)) return { line, proof: 'json' };
  }
  const line = `${head},"value_base64":"${asBuffer(value).toString('base64')}"}`;
  if (line.length > lineBytesMax) {
    throw new EntError('RECORD_TOO_LARGE', `a record of ${value.byteLength} bytes has no line`, {
      tenantId,
    });
  }
  return { line, proof: 'base64' };
}

/** Counts the bytes only where there may be too many. */
const isLine = (line: string): boolean =>
  line.length <= lineBytesMax / 3 || Buffer.byteLength(line) <= lineBytesMax;

/**
 * The checksum in the stored record's own envelope. A later version that would encode the JSON in another way is found out by it;
 * the envelope that it makes itself always fits.
 */
function sealedCrc(value: Uint8Array): string {
  return asBuffer(value).toString('hex', 4, 8);
}

const keysOfJson = 'partition,offset,time_ms,sequence,crc32,record';
const keysOfBase64 = 'partition,offset,time_ms,sequence,value_base64';
const known = new Set([...keysOfJson.split(','), 'value_base64']);

/** The record, with its exact bytes. Throws SEGMENT_CORRUPT, or UNKNOWN_FORMAT for what a later version wrote. */
export function decodeLine(line: string, place: Place): ArchivedRecord {
  const json = parseLine(line, place);
  const { partition, offset, time_ms: timeMs, sequence } = json;
  if (!isCount(partition) || !isCount(offset) || !isCount(timeMs) || !isCount(sequence))
    throw formatFault('SEGMENT_CORRUPT', place, 'a number is missing or malformed');
  const value =
    'record' in json
      ? valueOfJson(json.record, json.crc32, place)
      : valueOfBase64(json.value_base64, place);
  return { partition, offset, timeMs, sequence, value };
}

function parseLine(line: string, place: Place): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    throw formatFault('SEGMENT_CORRUPT', place, 'it is not JSON', cause);
  }
  if (!isObject(json)) throw formatFault('SEGMENT_CORRUPT', place, 'it is no JSON object');
  const keys = Object.keys(json);
  const unknown = keys.find((key) => !known.has(key));
  if (unknown !== undefined)
    throw formatFault('UNKNOWN_FORMAT', place, `a line with ${JSON.stringify(unknown)}`);
  const names = keys.join(',');
  if (names !== keysOfJson && names !== keysOfBase64)
    throw formatFault('SEGMENT_CORRUPT', place, `a line of ${names}`);
  return json;
}

function valueOfJson(json: unknown, crc32: unknown, place: Place): Uint8Array {
  let value: Uint8Array;
  let tenantId: string;
  try {
    ({ tenantId, value } = walRecordFromJson(json));
  } catch (cause) {
    throw formatFault('UNKNOWN_FORMAT', place, 'a record that this version cannot read', cause);
  }
  if (tenantId !== place.tenantId)
    throw formatFault('SEGMENT_CORRUPT', place, `a record of tenant ${JSON.stringify(tenantId)}`);
  if (sealedCrc(value) !== crc32)
    throw formatFault('SEGMENT_CORRUPT', place, 'the record does not give back its stored bytes');
  return value;
}

function valueOfBase64(text: unknown, place: Place): Uint8Array {
  const value = typeof text === 'string' ? Buffer.from(text, 'base64') : undefined;
  if (!value || value.toString('base64') !== text)
    throw formatFault('SEGMENT_CORRUPT', place, 'its value is not base64');
  return value;
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
