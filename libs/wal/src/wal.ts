/**
 * The log, as the rest of the fleet sees it. One conformance suite (conformance.ts) holds every adapter to this contract.
 *
 * Offsets are plain numbers: dense within a partition, from 0, never reused, below 2^53.
 */

export interface AppendRecord {
  /** The tenant id on entdb-wal. */
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A record as it stands in the log. */
export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Log-append time in milliseconds since 1970, given by the log, not by the sender. May step back; see the design, section 7. */
  readonly timeMs: number;
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** What an acknowledged append says. Record i of the call stands at `baseOffset + i`. */
export interface AppendReceipt {
  readonly topic: string;
  readonly partition: number;
  readonly baseOffset: number;
}

/**
 * The only way to write: one partition, one request in flight, group commit.
 *
 * - `append` resolves when the records are durable (on `min.insync.replicas` brokers, or fsynced): then they are never lost.
 *   The records of one call stand together, in order. Records of calls that wait meanwhile go out as one batch.
 * - It rejects with RESOURCE_EXHAUSTED, at once and with nothing written, when the queue is full; with RECORD_TOO_LARGE when a
 *   record can never be written.
 * - It rejects with OUTCOME_UNKNOWN when the log failed: the records may or may not be there. The lane is poisoned from then on:
 *   all waiting and later calls reject with LANE_POISONED (their records were not sent). Close it and open another.
 */
export interface Lane {
  readonly topic: string;
  readonly partition: number;
  readonly poisoned: boolean;
  append(records: readonly AppendRecord[]): Promise<AppendReceipt>;
  /** Records and bytes that wait or are in flight. */
  readonly pending: { readonly records: number; readonly bytes: number };
  /** Waits for what is in flight (bounded), refuses what comes after. Safe to call twice. */
  close(): Promise<void>;
}

export interface LaneLimits {
  /** A record's value may not be larger. */
  readonly recordBytesMax: number;
  readonly batchRecordsMax: number;
  readonly batchBytesMax: number;
  /** What may wait or be in flight in one lane. */
  readonly pendingBytesMax: number;
  readonly pendingRecordsMax: number;
}

export const defaultLaneLimits: LaneLimits = {
  recordBytesMax: 900_000,
  batchRecordsMax: 1_000,
  batchBytesMax: 900_000,
  pendingBytesMax: 64 * 1024 * 1024,
  pendingRecordsMax: 100_000,
};

export interface LogBatch {
  readonly topic: string;
  readonly partition: number;
  /** At least one; dense offsets. */
  readonly records: readonly LogRecord[];
  /** The partition's end (the next offset to be written) when the batch was read. */
  readonly endOffset: number;
}

export interface ConsumeOptions {
  readonly topic: string;
  /** Partition to the first offset wanted. Only these partitions are read. */
  readonly from: ReadonlyMap<number, number>;
  /** Ends the consumption: `consume` then resolves after the batches under way have been handled. */
  readonly signal: AbortSignal;
  /**
   * Called with the batches of a partition strictly one after another; partitions run side by side. The next batch of the
   * partition is fetched after the promise resolves: that is the back-pressure. A rejection ends the consumption with that error.
   */
  readonly onBatch: (batch: LogBatch) => Promise<void>;
  /** Called once when every partition has been positioned and reading has begun. */
  readonly onStarted?: () => void;
}

/**
 * The port.
 *
 * `consume` reads from given positions and never from a stored one. It delivers every record from there on, in order, without
 * gap or repeat. It rejects with LOG_START_PASSED when the log no longer holds a wanted offset, LOG_TRUNCATED when the log ends
 * before it (wanted > end), LOG_GAP when offsets are not dense. A fault of the connection is retried inside, for ever, until the signal; it
 * never skips.
 */
export interface Wal {
  /** What it is, for health and logs: `kafka`, `embedded`, `memory`. */
  readonly kind: string;
  openLane(topic: string, partition: number, limits?: Partial<LaneLimits>): Promise<Lane>;
  consume(options: ConsumeOptions): Promise<void>;
  /** The first offset that is held and the next to be written. */
  bounds(topic: string, partition: number): Promise<LogBounds>;
  /** The first offset whose log-append time is at or after `timeMs`; the end where there is none. */
  offsetForTime(topic: string, partition: number, timeMs: number): Promise<number>;
  /**
   * The mark of a named group: the next offset that it has not dealt with, or undefined where it has left none. A mark is for lag
   * tools and for a quick start, and is never the truth: `consume` does not look at it, and Kafka forgets the marks of a group
   * that has been silent for `offsets.retention.minutes`.
   */
  committed(group: string, topic: string, partition: number): Promise<number | undefined>;
  /**
   * Sets the mark; every instance sees it from then on, after restarts too. That it does not step back is the caller's business, and so is
   * its place in the log: any offset is taken. A group is of `[A-Za-z0-9._-]{1,200}`, and on Kafka nobody may be a member of it.
   *
   * Both reject with TOPIC_MISSING, TOPIC_MISMATCH, INVALID_ARGUMENT, and with LOG_UNAVAILABLE (what is embedded also with STORE_*)
   * when the mark may or may not have been set: to set it again is safe.
   */
  commit(group: string, topic: string, partition: number, offset: number): Promise<void>;
  describeTopic(topic: string): Promise<TopicDescription | undefined>;
  /** Makes topics that are missing; leaves those that are there. Returns the names of those it made. */
  createTopics(specs: readonly TopicSpec[]): Promise<readonly string[]>;
  /** Whether the log can be reached now. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface LogBounds {
  readonly startOffset: number;
  readonly endOffset: number;
}

/** A topic as it ought to be. */
export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly minInsyncReplicas: number;
  /** Milliseconds; -1 for ever. */
  readonly retentionMs: number;
  readonly maxMessageBytes: number;
}

/** A topic as it is. `config` is by Kafka's own names; an adapter without brokers reports what it guarantees. */
export interface TopicDescription {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}
