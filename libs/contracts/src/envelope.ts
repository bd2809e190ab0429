import { crc32 } from 'node:zlib';
import { EntError } from '@entdb/base';

/**
 * The envelope of every record on every topic (docs/formats/wal-record.md):
 *
 *     0  2  magic 0xED 0xB1
 *     2  1  format version, 1
 *     3  1  kind: what the body is
 *     4  4  CRC-32 (IEEE) of version, kind, key and body; big endian
 *     8  …  body, a protobuf message
 *
 * The key is under the checksum so that a record cannot pass for another tenant's. Kafka clients check no checksum on fetch.
 */
const magic0 = 0xed;
const magic1 = 0xb1;
const formatVersion = 1;
export const headerBytes = 8;

export const recordKinds = { wal: 1, result: 2, status: 3 } as const;
export type RecordKind = keyof typeof recordKinds;

/** The checksum's beginning, by the kind's byte. */
const checksumOfKind = Array.from({ length: 256 }, (_, kind) =>
  crc32(Uint8Array.of(formatVersion, kind)),
);

/** Of the last kind and key: records of one tenant come one after another. */
let before = { kind: -1, key: '', checksum: 0 };

function checksum(kind: number, key: string, body: Uint8Array): number {
  if (before.kind !== kind || before.key !== key)
    before = { kind, key, checksum: crc32(key, checksumOfKind[kind]) };
  return crc32(body, before.checksum);
}

export function sealRecord(kind: RecordKind, key: string, body: Uint8Array): Uint8Array {
  const sealed = Buffer.allocUnsafe(headerBytes + body.length);
  sealed[0] = magic0;
  sealed[1] = magic1;
  sealed[2] = formatVersion;
  sealed[3] = recordKinds[kind];
  sealed.writeUInt32BE(checksum(recordKinds[kind], key, body), 4);
  sealed.set(body, headerBytes);
  return sealed;
}

/** The body, checked. Throws RECORD_CORRUPT, or UNKNOWN_FORMAT for a version or kind of another time: fails closed. */
export function openRecord(kind: RecordKind, key: string, sealed: Uint8Array): Uint8Array {
  if (sealed.length < headerBytes || sealed[0] !== magic0 || sealed[1] !== magic1) {
    throw new EntError(
      'RECORD_CORRUPT',
      `not a record: ${sealed.length} bytes without the envelope's first bytes`,
      {
        tenantId: key,
        hint: 'something else has written to this topic, or the record is damaged',
      },
    );
  }
  const version = sealed[2]!;
  const body = sealed.subarray(headerBytes);
  const stored = new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength).getUint32(4);
  const intact = stored === checksum(sealed[3]!, key, body);
  // With the checksum of this version under another version's number, the number is what was damaged.
  if (version !== formatVersion && !intact) {
    throw new EntError(
      'UNKNOWN_FORMAT',
      `record of format version ${version}; this program knows ${formatVersion}`,
      {
        tenantId: key,
        hint: 'upgrade this service',
      },
    );
  }
  if (!intact || version !== formatVersion) {
    throw new EntError('RECORD_CORRUPT', 'record does not match its checksum', { tenantId: key });
  }
  if (sealed[3] !== recordKinds[kind]) {
    throw new EntError(
      'UNKNOWN_FORMAT',
      `record of kind ${sealed[3]} where kind ${recordKinds[kind]} (${kind}) must be`,
      { tenantId: key },
    );
  }
  return body;
}
