import { gunzipSync } from 'node:zlib';
import {
  compareSegments,
  encodeSegment,
  firstLink,
  type ArchivedRecord,
} from '@entdb/archive-format';
import { isEntError } from '@entdb/base';
import { encodeWalRecord } from '@entdb/contracts';
import { walTopic } from '@entdb/wal';
import { seeded } from '../parts/seeded.ts';
import { makeAllOperations, tenantId } from '../restore/all-operations.ts';
import { placeOnLog } from '../restore/build.ts';

/** Why a changed bit of a segment that stands alone can stay unseen: what is unpacked is the same, byte for byte. */
export interface Meaningless {
  /** Of the gzip header. */
  readonly header: number;
  /** Bits that fill up the last byte before the trailer. */
  readonly padding: number;
  /** A copy is taken from another place where the same text stands. */
  readonly otherCopy: number;
}

export interface AloneReport {
  readonly bytes: number;
  readonly flips: number;
  readonly detected: number;
  readonly withoutMeaning: Meaningless;
  readonly undetected: readonly string[];
}

/** Bytes 3 to 9 of a gzip header (RFC 1952): the flag that says "text", the time, what the compressor would like to say, and the system. */
const headerBytes = 10;
const trailerBytes = 8;

/**
 * A segment without its checksum is what an archiver finds that was killed between the two writes. It is not read by any restore; the archiver holds its records against
 * those of the log before it writes the checksum, of the bytes as they stand.
 */
export async function damageAlone(seed: number): Promise<AloneReport> {
  const steps = makeAllOperations(12, seeded(seed), { inPlace: false });
  const link = firstLink({ tenantId, topic: walTopic, partition: 1 });
  const records = placeOnLog(steps).map((at, i): ArchivedRecord => ({
    ...at,
    partition: 1,
    sequence: i + 1,
    value: encodeWalRecord(steps[i]!.record),
  }));
  const { name, bytes } = await encodeSegment(link, records);
  const text = gunzipSync(bytes);
  let [flips, detected, header, padding, otherCopy] = [0, 0, 0, 0, 0];
  const undetected: string[] = [];
  for (let at = 0; at < bytes.length; at += 1) {
    for (const mask of [1, 2, 4, 8, 16, 32, 64, 128]) {
      const theirs = Uint8Array.from(bytes);
      theirs[at]! ^= mask;
      flips += 1;
      try {
        const { kind } = await compareSegments(link, name, { ours: bytes, theirs });
        if (kind !== 'same') detected += 1;
        else if (!gunzipSync(theirs).equals(text)) undetected.push(`byte ${at}, bit ${mask}`);
        else if (at < headerBytes) header += 1;
        else if (at === bytes.length - trailerBytes - 1) padding += 1;
        else otherCopy += 1;
      } catch (error) {
        if (!isEntError(error)) throw error;
        detected += 1;
      }
    }
  }
  return {
    bytes: bytes.length,
    flips,
    detected,
    withoutMeaning: { header, padding, otherCopy },
    undetected,
  };
}
