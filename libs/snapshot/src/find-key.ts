import { decodeSegment } from '@entdb/archive-format';
import type { ObjectStore } from '@entdb/object-store';
import { decodeAt, fetchSegments } from './replay.ts';
import type { KeyScan } from './plan.ts';

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
  for await (const { segment, bytes } of fetchSegments(store, segments, call)) {
    for await (const records of decodeSegment(bytes, segment)) {
      call.signal?.throwIfAborted();
      for (const { sequence, offset, timeMs, value } of records) {
        if (Buffer.from(value.buffer, value.byteOffset, value.byteLength).indexOf(needle) < 0)
          continue;
        const record = decodeAt(tenantId, { sequence, offset, timeMs }, value);
        if (record.idempotencyKey === key) return sequence;
      }
    }
  }
  return 'not-archived';
}
