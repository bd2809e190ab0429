import { packValues, type PackedRecords } from './packed-records.ts';
import { createPartitionState, createPerPartition } from './partition-bounds.ts';
import { readMark } from './mark-table.ts';
import { openTopic, readSettings, type TopicSettings } from './topic-file.ts';
import type { LogBounds } from '../wal.ts';

/** What one `onBatch` is given at the most; one record is always given, whatever its size. */
const sliceRecordsMax = 1_000;
const sliceBytesMax = 1024 * 1024;

/** Records from an offset on, dense unless the file is damaged; what the bounds do not hold gives none. */
export interface PackedSlice extends LogBounds {
  readonly offsets: Float64Array<ArrayBuffer>;
  readonly timesMs: Float64Array<ArrayBuffer>;
  readonly records: PackedRecords;
}

/** The answer of a read that was stopped: whoever stopped it does not look. */
export const stoppedSlice = (): PackedSlice => packSlice({ startOffset: 0, endOffset: 0 }, []);

export interface TopicReader {
  readonly settings: TopicSettings;
  bounds(partition: number): LogBounds;
  slice(partition: number, offset: number): PackedSlice;
  offsetForTime(partition: number, timeMs: number): number;
  /** The mark of a group, where it has left one. */
  committed(partition: number, group: string): number | undefined;
  /** Whether anyone has written since the last time it was asked. */
  changed(): boolean;
  close(): void;
}

type Row = readonly [
  offset: number,
  timeMs: number,
  key: string,
  value: Uint8Array,
  headers: string | null,
];

export function createTopicReader(directory: string, topic: string): TopicReader {
  const db = openTopic(directory, topic);
  db.pragma('query_only = ON');
  const settings = readSettings(db);
  const { partitions } = settings;
  const stateOf = createPartitionState(db, topic, partitions);
  const rowsFrom = createPerPartition(topic, partitions, (partition) =>
    db
      .prepare<[number, number], Row>(
        `SELECT offset, time_ms, key, value, headers FROM partition_${partition} WHERE offset >= ? ORDER BY offset LIMIT ?`,
      )
      .raw(),
  );
  const timeAt = createPerPartition(topic, partitions, (partition) =>
    db
      .prepare<[number], number>(
        `SELECT time_ms FROM partition_${partition} WHERE offset >= ? ORDER BY offset LIMIT 1`,
      )
      .pluck(),
  );
  const version = db.prepare<[], number>('PRAGMA data_version').pluck();
  let versionSeen = version.get();

  const bounds = (partition: number): LogBounds => {
    const { startOffset, endOffset } = stateOf(partition);
    return { startOffset, endOffset };
  };

  const slice = (partition: number, offset: number): PackedSlice => {
    const held = bounds(partition);
    const rows: Row[] = [];
    if (offset >= held.startOffset && offset < held.endOffset) {
      let bytes = 0;
      for (const row of rowsFrom(partition).iterate(offset, sliceRecordsMax)) {
        bytes += row[3].byteLength;
        if (rows.length > 0 && bytes > sliceBytesMax) break;
        rows.push(row);
      }
    }
    return packSlice(held, rows);
  };

  /** By halving: times never step back within a partition, so they need no index. */
  const offsetForTime = (partition: number, timeMs: number): number => {
    let { startOffset: low, endOffset: high } = bounds(partition);
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      if ((timeAt(partition).get(middle) ?? Infinity) < timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  const committed = (partition: number, group: string): number | undefined => {
    stateOf(partition); // refuses a partition that is not there
    return readMark(db, partition, group);
  };

  return {
    settings,
    // Each in one transaction, so that the bounds and the records are of one moment.
    bounds: db.transaction(bounds),
    slice: db.transaction(slice),
    offsetForTime: db.transaction(offsetForTime),
    committed: db.transaction(committed),
    changed: () => {
      const seen = versionSeen;
      versionSeen = version.get();
      return versionSeen !== seen;
    },
    close: () => {
      db.close();
    },
  };
}

function packSlice(held: LogBounds, rows: readonly Row[]): PackedSlice {
  return {
    ...held,
    offsets: Float64Array.from(rows, (row) => row[0]),
    timesMs: Float64Array.from(rows, (row) => row[1]),
    records: {
      keys: rows.map((row) => row[2]),
      headers: rows.map((row) => row[4]),
      ...packValues(rows.map((row) => row[3])),
    },
  };
}
