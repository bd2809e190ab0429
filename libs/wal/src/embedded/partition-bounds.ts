import type Database from 'better-sqlite3';
import { EntError } from '@entdb/base';
import { partitionMissing } from '../topic-errors.ts';
import type { LogBounds } from '../wal.ts';

export interface PartitionState extends LogBounds {
  /** The time of the last record there ever was. */
  readonly lastTimeMs: number;
}

/** Where a partition stands. Call it inside the transaction that acts on the answer. */
export function createPartitionState(db: Database.Database, topic: string, partitions: number) {
  const startOf = db.prepare<[number], { startOffset: number; lastTimeMs: number }>(
    'SELECT start_offset AS startOffset, last_time_ms AS lastTimeMs FROM log_start WHERE partition = ?',
  );
  const lastOf = createPerPartition(topic, partitions, (partition) =>
    db.prepare<[], { offset: number; timeMs: number }>(
      `SELECT offset, time_ms AS timeMs FROM partition_${partition} ORDER BY offset DESC LIMIT 1`,
    ),
  );
  return (partition: number): PartitionState => {
    const last = lastOf(partition).get();
    const start = startOf.get(partition);
    if (!start)
      throw new EntError('STORE_CORRUPT', `${topic}/${partition} has no start in the file`);
    return last
      ? { startOffset: start.startOffset, endOffset: last.offset + 1, lastTimeMs: last.timeMs }
      : { ...start, endOffset: start.startOffset };
  };
}

/** Statements per partition, prepared when first needed. */
export function createPerPartition<T>(
  topic: string,
  partitions: number,
  make: (partition: number) => T,
) {
  const made = new Map<number, T>();
  return (partition: number): T => {
    const found = made.get(partition);
    if (found !== undefined) return found;
    if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) {
      throw partitionMissing(topic, partition, partitions);
    }
    const fresh = make(partition);
    made.set(partition, fresh);
    return fresh;
  };
}
