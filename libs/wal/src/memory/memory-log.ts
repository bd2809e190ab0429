import { partitionMissing, topicMissing } from '../topic-errors.ts';
import type { LogSlice } from '../consume-log.ts';
import type { AppendRecord, LogBounds, LogRecord, TopicSpec } from '../wal.ts';

/** What one `onBatch` is given at the most. */
const sliceRecordsMax = 1_000;
const sliceBytesMax = 1024 * 1024;

/** The records of one partition. Log-append times never step back, so a time is found by halving. */
export interface MemoryPartition {
  bounds(): LogBounds;
  /** The offset of the first of them. */
  append(records: readonly AppendRecord[], nowMs: number): number;
  /** Records from `offset` on; none where the bounds do not hold it. */
  slice(offset: number): LogSlice;
  offsetForTime(timeMs: number): number;
  truncateBefore(offset: number): void;
  /** Group to its next offset. */
  readonly marks: Map<string, number>;
  /** Resolves at the next change, or when the signal comes. */
  changed(signal: AbortSignal): Promise<void>;
}

export function createMemoryPartition(topic: string, partition: number): MemoryPartition {
  let startOffset = 0;
  let held: LogRecord[] = [];
  let lastTimeMs = 0;
  const waiting = new Set<() => void>();
  const bounds = (): LogBounds => ({ startOffset, endOffset: startOffset + held.length });
  const wake = () => waiting.forEach((resolve) => resolve());

  return {
    bounds,
    marks: new Map(),
    append: (added, nowMs) => {
      const baseOffset = bounds().endOffset;
      lastTimeMs = Math.max(lastTimeMs, nowMs);
      const stored = added.map(({ key, value, headers = {} }, index) => ({
        topic,
        partition,
        offset: baseOffset + index,
        timeMs: lastTimeMs,
        key,
        value: Uint8Array.from(value), // the sender may use its buffer again
        headers: { ...headers },
      }));
      for (const record of stored) held.push(record);
      wake();
      return baseOffset;
    },
    slice: (offset) => {
      const from = offset - startOffset;
      let bytes = 0;
      const candidates = from < 0 ? [] : held.slice(from, from + sliceRecordsMax);
      const end = candidates.findIndex((record, index) => {
        bytes += record.value.byteLength;
        return index > 0 && bytes > sliceBytesMax;
      });
      return { ...bounds(), records: end === -1 ? candidates : candidates.slice(0, end) };
    },
    offsetForTime: (timeMs) => {
      let low = 0;
      let high = held.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((held[middle]?.timeMs ?? 0) < timeMs) low = middle + 1;
        else high = middle;
      }
      return startOffset + low;
    },
    truncateBefore: (offset) => {
      const { endOffset } = bounds();
      const target = Math.min(Math.max(offset, startOffset), endOffset);
      held = held.slice(target - startOffset);
      startOffset = target;
      wake();
    },
    changed: (signal) =>
      new Promise((resolve) => {
        const done = () => {
          waiting.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        waiting.add(done);
        signal.addEventListener('abort', done);
        if (signal.aborted) done();
      }),
  };
}

interface MemoryTopic {
  readonly spec: TopicSpec;
  readonly partitions: readonly MemoryPartition[];
}

/** What every `createMemoryWal` on it shares: the broker, so to say. */
export interface MemoryLog {
  readonly topics: ReadonlyMap<string, MemoryTopic>;
  create(spec: TopicSpec): void;
  partition(topic: string, partition: number): MemoryPartition;
}

export function createMemoryLog(): MemoryLog {
  const topics = new Map<string, MemoryTopic>();
  return {
    topics,
    create: (spec) => {
      const partitions = Array.from({ length: spec.partitions }, (_, n) =>
        createMemoryPartition(spec.name, n),
      );
      topics.set(spec.name, { spec, partitions });
    },
    partition: (name, partition) => {
      const topic = topics.get(name);
      if (!topic) throw topicMissing(name);
      const found = topic.partitions[partition];
      if (!found) throw partitionMissing(name, partition, topic.partitions.length);
      return found;
    },
  };
}
