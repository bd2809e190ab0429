import type { LogRecord } from '@entdb/wal';

/** Records of one tenant as a thread is handed them: a few buffers instead of thousands of objects. */
export interface HandedRecords {
  /** The values, one behind the other. */
  readonly values: Uint8Array<ArrayBuffer>;
  readonly lengths: Uint32Array<ArrayBuffer>;
  readonly offsets: Float64Array<ArrayBuffer>;
  readonly timesMs: Float64Array<ArrayBuffer>;
}

export interface HandedRecord {
  readonly offset: number;
  readonly timeMs: number;
  readonly value: Uint8Array;
}

/** Copies them: the caller keeps what he has until it is durable. */
export function handRecords(records: readonly LogRecord[]): HandedRecords {
  const bytes = records.reduce((sum, { value }) => sum + value.byteLength, 0);
  const values = new Uint8Array(bytes);
  const lengths = new Uint32Array(records.length);
  const offsets = new Float64Array(records.length);
  const timesMs = new Float64Array(records.length);
  let end = 0;
  for (const [i, { offset, timeMs, value }] of records.entries()) {
    values.set(value, end);
    end += value.byteLength;
    lengths[i] = value.byteLength;
    offsets[i] = offset;
    timesMs[i] = timeMs;
  }
  return { values, lengths, offsets, timesMs };
}

export const transferOf = (records: HandedRecords): readonly ArrayBuffer[] => [
  records.values.buffer,
  records.lengths.buffer,
  records.offsets.buffer,
  records.timesMs.buffer,
];

/** The records again, as views of the values. */
export function* takeRecords(records: HandedRecords): Generator<HandedRecord, void> {
  const { values, lengths, offsets, timesMs } = records;
  let end = 0;
  for (const [i, length] of lengths.entries()) {
    const value = values.subarray(end, (end += length));
    yield { offset: offsets[i]!, timeMs: timesMs[i]!, value };
  }
}
