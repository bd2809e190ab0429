import type { PlacedBytes } from './records.ts';

/** A run of records of one partition, packed so that a thread can hand it to another without a copy. */
export interface PackedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly keys: readonly string[];
  readonly offsets: Float64Array<ArrayBuffer>;
  readonly timesMs: Float64Array<ArrayBuffer>;
  /** Where each value ends in `bytes`. */
  readonly ends: Uint32Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function packBatch(
  topic: string,
  partition: number,
  records: readonly PlacedBytes[],
): PackedBatch {
  const offsets = new Float64Array(records.length);
  const timesMs = new Float64Array(records.length);
  const ends = new Uint32Array(records.length);
  let size = 0;
  for (const { value } of records) size += value.length;
  const bytes = new Uint8Array(size);
  let end = 0;
  records.forEach((record, i) => {
    offsets[i] = record.offset;
    timesMs[i] = record.timeMs;
    bytes.set(record.value, end);
    end += record.value.length;
    ends[i] = end;
  });
  return {
    topic,
    partition,
    keys: records.map((record) => record.key),
    offsets,
    timesMs,
    ends,
    bytes,
  };
}

/** What to move, not copy, when the batch is posted. */
export function transferOf(batch: PackedBatch): ArrayBuffer[] {
  return [batch.offsets.buffer, batch.timesMs.buffer, batch.ends.buffer, batch.bytes.buffer];
}

export function unpackBatch(batch: PackedBatch): readonly PlacedBytes[] {
  return batch.keys.map((key, i) => ({
    key,
    offset: batch.offsets[i]!,
    timeMs: batch.timesMs[i]!,
    value: batch.bytes.subarray(i === 0 ? 0 : batch.ends[i - 1]!, batch.ends[i]),
  }));
}
