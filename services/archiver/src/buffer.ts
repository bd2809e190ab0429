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
  /** Forgets the records up to this offset, itself included. */
  dropThrough(offset: number): void;
  clear(): void;
}

/** What a record costs beside its value: the object, its key, its place in a list. */
const overheadBytes = 256;
/** A line is about as long as with the value in base64: JSON spends more on names and less on text. */
const lineBytes = (record: LogRecord): number => 100 + Math.ceil((record.value.byteLength * 4) / 3);
const memoryBytes = (record: LogRecord): number => record.value.byteLength + overheadBytes;

/** `onHeld` is told of each change of what is held. */
export function createRecordBuffer(onHeld: (bytes: number) => void): RecordBuffer {
  let records: LogRecord[] = [];
  let arrivals: number[] = [];
  let lines = 0;
  let held = 0;
  const hold = (bytes: number) => {
    held += bytes;
    onHeld(bytes);
  };
  const drop = (count: number) => {
    if (count === 0) return;
    let freed = 0;
    for (const record of records.slice(0, count)) {
      lines -= lineBytes(record);
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
    push(record, nowMs) {
      // A copy: the value may be a view of a whole fetch, which must not live as long as one small record of it.
      records.push({ ...record, value: Uint8Array.from(record.value) });
      arrivals.push(nowMs);
      lines += lineBytes(record);
      hold(memoryBytes(record));
    },
    dropThrough(offset) {
      const first = records.findIndex((record) => record.offset > offset);
      drop(first === -1 ? records.length : first);
    },
    clear: () => drop(records.length),
  };
}
