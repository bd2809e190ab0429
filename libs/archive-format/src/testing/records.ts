import type { SegmentChecksum } from '../checksum.ts';
import type { ArchivedRecord } from '../line.ts';
import { decodeSegment } from '../segment.ts';

export async function recordsOf(
  bytes: Uint8Array,
  checksum: SegmentChecksum,
): Promise<readonly ArchivedRecord[]> {
  const records: ArchivedRecord[] = [];
  for await (const some of decodeSegment(bytes, checksum)) records.push(...some);
  return records;
}

/** Buffers and plain arrays of the same bytes are the same record. */
export const plain = (records: readonly ArchivedRecord[]) =>
  records.map(({ value, ...rest }) => ({ ...rest, value: Buffer.from(value).toString('hex') }));
