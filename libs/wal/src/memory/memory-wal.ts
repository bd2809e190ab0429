import { EntError, realClock, realRng, type Clock } from '@entdb/base';
import { consumeLog, type LogSource } from '../consume-log.ts';
import { createLane } from '../lane-queue.ts';
import { assertGroup, assertMark } from '../marks.ts';
import { assertSamePartitions, assertTopicSpec, describeSingleCopy } from '../topic-errors.ts';
import type { AppendRecord, Lane, Wal } from '../wal.ts';
import { createMemoryLog, type MemoryLog } from './memory-log.ts';

/** How an append may go wrong: each a thing that a real log does. */
export type AppendFault =
  /** The records are stored, the sender never hears of it. */
  | { readonly kind: 'ackLost' }
  /** The records are not stored; the sender cannot know that. */
  | { readonly kind: 'rejected' }
  /** The records are stored when the promise resolves. */
  | { readonly kind: 'delayed'; readonly until: Promise<void> };

export interface AppendAttempt {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly AppendRecord[];
}

export interface MemoryWalOptions {
  readonly clock?: Clock;
  /** Asked before each batch. */
  readonly faults?: (attempt: AppendAttempt) => AppendFault | undefined;
}

export interface MemoryWal extends Wal {
  /** One more instance on the same log, as another process would have. */
  another(options?: MemoryWalOptions): MemoryWal;
  /** Drops what is before the offset, as retention would. */
  truncateBefore(topic: string, partition: number, offset: number): void;
}

/**
 * The log in memory, for tests and simulation: the whole contract, no retention, and no timer of its own (only a `close` of
 * a lane that is stuck sleeps on the clock), so that with a given clock every run is the same.
 */
export function createMemoryWal(options: MemoryWalOptions = {}): MemoryWal {
  return memoryWalOn(createMemoryLog(), options);
}

function memoryWalOn(log: MemoryLog, options: MemoryWalOptions): MemoryWal {
  const { clock = realClock, faults = () => undefined } = options;
  const lanes = new Set<Lane>();
  const closing = new AbortController();

  const assertOpen = () => {
    if (closing.signal.aborted) throw new EntError('SHUTTING_DOWN', 'the log was closed');
  };

  const append = async (attempt: AppendAttempt): Promise<number> => {
    const partition = log.partition(attempt.topic, attempt.partition);
    const fault = faults(attempt);
    if (fault?.kind === 'delayed') await fault.until;
    if (fault?.kind === 'rejected') throw new Error('the append was rejected by a planned fault');
    const baseOffset = partition.append(attempt.records, clock.now());
    if (fault?.kind === 'ackLost')
      throw new Error('the acknowledgement was lost by a planned fault');
    return baseOffset;
  };

  const source: LogSource = {
    bounds: async (topic, partition) => log.partition(topic, partition).bounds(),
    read: async (topic, partition, offset, signal) => {
      const held = log.partition(topic, partition);
      while (held.bounds().endOffset === offset && !signal.aborted) await held.changed(signal);
      return held.slice(offset);
    },
  };

  return {
    kind: 'memory',
    openLane: async (topic, partition, limits = {}) => {
      assertOpen();
      log.partition(topic, partition);
      const lane = createLane({
        topic,
        partition,
        limits,
        clock,
        send: (records) => append({ topic, partition, records }),
        release: async () => {
          lanes.delete(lane);
        },
      });
      lanes.add(lane);
      return lane;
    },
    consume: async (wanted) => {
      assertOpen();
      const signal = AbortSignal.any([wanted.signal, closing.signal]);
      await consumeLog(source, { ...wanted, signal }, { clock, rng: realRng });
    },
    bounds: async (topic, partition) => {
      assertOpen();
      return log.partition(topic, partition).bounds();
    },
    offsetForTime: async (topic, partition, timeMs) => {
      assertOpen();
      return log.partition(topic, partition).offsetForTime(timeMs);
    },
    committed: async (group, topic, partition) => {
      assertOpen();
      assertGroup(group);
      return log.partition(topic, partition).marks.get(group);
    },
    commit: async (group, topic, partition, offset) => {
      assertOpen();
      assertGroup(group);
      assertMark(offset);
      log.partition(topic, partition).marks.set(group, offset);
    },
    describeTopic: async (name) => {
      assertOpen();
      const topic = log.topics.get(name);
      return topic && describeSingleCopy(topic.spec);
    },
    createTopics: async (specs) => {
      assertOpen();
      for (const spec of specs) {
        assertTopicSpec(spec);
        const there = log.topics.get(spec.name);
        if (there) assertSamePartitions(spec, there.spec.partitions);
      }
      const made: string[] = [];
      for (const spec of specs) {
        if (log.topics.has(spec.name)) continue;
        log.create(spec);
        made.push(spec.name);
      }
      return made;
    },
    ping: async () => assertOpen(),
    close: async () => {
      closing.abort();
      await Promise.all([...lanes].map((lane) => lane.close()));
    },
    another: (others = options) => memoryWalOn(log, others),
    truncateBefore: (topic, partition, offset) =>
      log.partition(topic, partition).truncateBefore(offset),
  };
}
