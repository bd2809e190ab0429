import type { LogRecord } from '@entdb/wal';
import type { Waiting } from './roll-policy.ts';

/** A tenant's records that are not in the archive yet, in the order of the log. */
export interface RecordBuffer {
  readonly records: readonly LogRecord[];
  /** What waits, as the roll policy wants it: bytes are about those of the lines. */
  waiting(): Waiting;
  /** Bytes of memory. */
  readonly held: number;
  push(record: LogRecord, nowMs: number): void;
  /** From the one of this index on, as many as make about so many bytes of lines. */
  slice(from: number, lineBytes: number): Slice;
  /** Forgets the records up to this offset, itself included. */
  dropThrough(offset: number): void;
  clear(): void;
}

export interface Slice {
  readonly records: readonly LogRecord[];
  /** Whether they make so many bytes. */
  readonly isFull: boolean;
}

/** What a record costs beside its value: the object, its key, its place in a list. */
const overheadBytes = 256;
/** Values share slabs, for an allocation of its own costs more than a small one is worth. A tenant's slabs grow with what it has. */
const slabBytes = { min: 1024, max: 64 * 1024 };
/** A line is about as long as with the value in base64: JSON spends more on names and less on text. */
const lineBytesOf = (record: LogRecord): number =>
  100 + Math.ceil((record.value.byteLength * 4) / 3);
const memoryBytes = (record: LogRecord): number => record.value.byteLength + overheadBytes;

/** `onHeld` is told of each change of what is held. */
export function createRecordBuffer(onHeld: (bytes: number) => void): RecordBuffer {
  let records: LogRecord[] = [];
  let arrivals: number[] = [];
  let lines = 0;
  let held = 0;
  const keep = createSlabs();
  const hold = (bytes: number) => {
    held += bytes;
    onHeld(bytes);
  };
  const drop = (count: number) => {
    if (count === 0) return;
    let freed = 0;
    for (const record of records.slice(0, count)) {
      lines -= lineBytesOf(record);
      freed += memoryBytes(record);
    }
    records = records.slice(count);
    arrivals = arrivals.slice(count);
    hold(-freed);
  };
  return {
    get records() {
      return records;
    },
    get held() {
      return held;
    },
    waiting: () => ({
      bytes: lines,
      records: records.length,
      firstAtMs: arrivals[0] ?? 0,
      lastAtMs: arrivals.at(-1) ?? 0,
    }),
    slice(from, lineBytes) {
      let bytes = 0;
      let end = from;
      while (end < records.length && bytes < lineBytes) {
        bytes += lineBytesOf(records[end]!);
        end += 1;
      }
      return { records: records.slice(from, end), isFull: bytes >= lineBytes };
    },
    push(record, nowMs) {
      // A copy: the value may be a view of a whole fetch, which must not live as long as one small record of it.
      const { topic, partition, offset, timeMs, key, headers } = record;
      const value = keep(record.value);
      records.push({ topic, partition, offset, timeMs, key, headers, value });
      arrivals.push(nowMs);
      lines += lineBytesOf(record);
      hold(memoryBytes(record));
    },
    dropThrough(offset) {
      const first = records.findIndex((record) => record.offset > offset);
      drop(first === -1 ? records.length : first);
    },
    clear: () => drop(records.length),
  };
}

/** Copies values, the small ones into slabs: such a one lives as long as the longest of its values, and these go in the order in which they came. */
function createSlabs(): (value: Uint8Array) => Uint8Array {
  let size = slabBytes.min;
  let slab = new Uint8Array(0);
  let used = 0;
  return (value) => {
    if (used + value.byteLength > slab.byteLength) {
      size = Math.min(size * 2, slabBytes.max);
      slab = new Uint8Array(Math.max(size, value.byteLength));
      used = 0;
    }
    const own = slab.subarray(used, used + value.byteLength);
    own.set(value);
    used += value.byteLength;
    return own;
  };
}
