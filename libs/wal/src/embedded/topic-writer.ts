import type { Clock } from '@entdb/base';
import { EntError, realClock } from '@entdb/base';
import { createRinger } from './doorbell.ts';
import { writeMark } from './mark-table.ts';
import { unpackValues, type PackedRecords } from './packed-records.ts';
import { createPartitionState, createPerPartition } from './partition-bounds.ts';
import { isBusy } from './sqlite-faults.ts';
import { bellPath, openTopic, readSettings } from './topic-file.ts';

export interface PackedBatch {
  readonly partition: number;
  readonly records: PackedRecords;
}

/** The writing end of one topic, in one process. Several processes may have one: SQLite lets one at a time write. */
export interface TopicWriter {
  /** All batches in one transaction, durable when it returns. The offset of the first record of each. */
  append(batches: readonly PackedBatch[]): readonly number[];
  truncateBefore(partition: number, offset: number): void;
  /** Durable when it returns. */
  setMark(partition: number, group: string, offset: number): void;
  /** Drops records past their retention, a bounded number of them. Does nothing while it is not due. */
  retain(): void;
  close(): void;
}

export interface TopicWriterOptions {
  readonly directory: string;
  readonly topic: string;
  readonly clock?: Clock;
  readonly retentionEveryMs: number;
}

/** How long another process may keep the file to itself before we say that the log does not answer. */
const lockWaitMsMax = 10_000;
/** SQLite's own waiting grows to 100 ms a step; a group commit takes less than one. */
const lockPollMs = 0.2;
/** Records of a partition dropped in one transaction. */
const retainStepRecords = 1_000;

export function createTopicWriter(options: TopicWriterOptions): TopicWriter {
  const { directory, topic, clock = realClock, retentionEveryMs } = options;
  const db = openTopic(directory, topic);
  db.pragma('busy_timeout = 0');
  const { partitions, retentionMs } = readSettings(db);
  const bell = createRinger(bellPath(directory, topic));
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const rollback = db.prepare('ROLLBACK');
  const stateOf = createPartitionState(db, topic, partitions);
  const insertInto = createPerPartition(topic, partitions, (partition) =>
    db.prepare(`INSERT INTO partition_${partition} VALUES (?, ?, ?, ?, ?)`),
  );
  const setStart = db.prepare(
    'UPDATE log_start SET start_offset = ?, last_time_ms = ? WHERE partition = ?',
  );
  const sleepCell = new Int32Array(new SharedArrayBuffer(4));
  let retentionDueMs = clock.monotonic();

  const beginWhenFree = () => {
    const giveUpMs = clock.monotonic() + lockWaitMsMax;
    for (;;) {
      try {
        begin.run();
        return;
      } catch (error) {
        if (!isBusy(error)) throw error;
        if (clock.monotonic() > giveUpMs) {
          throw new EntError(
            'STORE_UNAVAILABLE',
            `another process has kept topic ${topic} locked for ${lockWaitMsMax} ms`,
            {
              cause: error,
            },
          );
        }
        Atomics.wait(sleepCell, 0, 0, lockPollMs);
      }
    }
  };

  const transaction = <T>(work: () => T): T => {
    beginWhenFree();
    try {
      const result = work();
      commit.run();
      bell.ring();
      return result;
    } catch (error) {
      if (db.inTransaction) rollback.run();
      throw error;
    }
  };

  const appendOne = ({ partition, records }: PackedBatch): number => {
    const state = stateOf(partition);
    // Never before the record in front of it, whichever process wrote that by whatever clock.
    const timeMs = Math.max(state.lastTimeMs, clock.now());
    const insert = insertInto(partition);
    unpackValues(records).forEach((value, index) => {
      insert.run(
        state.endOffset + index,
        timeMs,
        records.keys[index],
        value,
        records.headers[index],
      );
    });
    return state.endOffset;
  };

  /** How many records went. */
  const dropBefore = (partition: number, offset: number): number => {
    const state = stateOf(partition);
    const target = Math.min(offset, state.endOffset);
    if (target <= state.startOffset) return 0;
    db.prepare(`DELETE FROM partition_${partition} WHERE offset < ?`).run(target);
    setStart.run(target, state.lastTimeMs, partition);
    return target - state.startOffset;
  };

  /** The first record to keep, or the end of the step; the start when there is nothing to drop. */
  const retainFrom = (partition: number, keptSinceMs: number): number => {
    const { startOffset } = stateOf(partition);
    const kept = db
      .prepare<[number, number, number], { offset: number }>(
        `SELECT offset FROM partition_${partition} WHERE offset >= ? AND offset < ? AND time_ms >= ? ORDER BY offset LIMIT 1`,
      )
      .get(startOffset, startOffset + retainStepRecords, keptSinceMs);
    return kept?.offset ?? startOffset + retainStepRecords;
  };

  return {
    append: (batches) => transaction(() => batches.map(appendOne)),
    truncateBefore: (partition, offset) => void transaction(() => dropBefore(partition, offset)),
    setMark: (partition, group, offset) =>
      transaction(() => {
        stateOf(partition); // refuses a partition that is not there
        writeMark(db, partition, group, offset);
      }),
    retain: () => {
      if (retentionMs < 0 || clock.monotonic() < retentionDueMs) return;
      const keptSinceMs = clock.now() - retentionMs;
      const dropped = transaction(() =>
        Array.from({ length: partitions }, (_, partition) =>
          dropBefore(partition, retainFrom(partition, keptSinceMs)),
        ),
      );
      // More may be due where a step was used up: the next commit goes on with it.
      if (Math.max(...dropped) < retainStepRecords)
        retentionDueMs = clock.monotonic() + retentionEveryMs;
    },
    close: () => {
      bell.close();
      db.close();
    },
  };
}
