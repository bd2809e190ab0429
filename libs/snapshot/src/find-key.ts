import type { ObjectStore } from '@entdb/object-store';
import { decodeAt, fetchSegments } from './replay.ts';
import type { KeyScan } from './plan.ts';
import { segmentReaderFor } from './segment-reader.ts';

/**
 * The sequence of the first record with the key: that is the one which had the effect. Reads the segments in order, every byte checked, and stops at
 * the record.
 */
export async function findKey(
  store: ObjectStore,
  tenantId: string,
  { key, segments }: KeyScan,
  call: { readonly signal?: AbortSignal } = {},
): Promise<number | 'not-archived'> {
  // Text that does not occur in a record's bytes is not its key; most records need not be decoded.
  const needle = Buffer.from(key);
  const reader = segmentReaderFor(segments.reduce((sum, { records }) => sum + records, 0));
  try {
    for await (const { batches } of fetchSegments(store, segments, reader, call))
      for await (const records of batches) {
        call.signal?.throwIfAborted();
        for (const { sequence, offset, timeMs, value } of records) {
          if (Buffer.from(value.buffer, value.byteOffset, value.byteLength).indexOf(needle) < 0)
            continue;
          const record = decodeAt(tenantId, { sequence, offset, timeMs }, value);
          if (record.idempotencyKey === key) return sequence;
        }
      }
    return 'not-archived';
  } finally {
    await reader.close();
  }
}
