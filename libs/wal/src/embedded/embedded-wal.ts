import { EntError, realClock, realRng } from '@entdb/base';
import { consumeLog, type LogSlice, type LogSource } from '../consume-log.ts';
import { createLane } from '../lane-queue.ts';
import { assertGroup, assertMark } from '../marks.ts';
import { partitionMissing, topicMissing } from '../topic-errors.ts';
import type { Lane, LogRecord, Wal } from '../wal.ts';
import { packRecords, unpackHeaders, unpackValues } from './packed-records.ts';
import type { ReaderMethods, ReaderSettings } from './reader-worker.ts';
import type { PackedSlice } from './topic-reader.ts';
import { createWorkerClient } from '@entdb/threads';
import type { WriterMethods, WriterSettings } from './writer-worker.ts';

export interface EmbeddedWalOptions {
  /** Where the topics' files are. All processes of a fleet name the same one; `createTopics` makes it. */
  readonly directory: string;
  /** How often a process that writes a topic looks for records past their retention. */
  readonly retentionEveryMs?: number;
}

export interface EmbeddedWal extends Wal {
  /** Drops what is before the offset, as retention would. */
  truncateBefore(topic: string, partition: number, offset: number): Promise<void>;
}

const retentionEveryMsDefault = 10_000;

/**
 * The log as files in a directory, shared by the processes of one machine: the whole contract, with one copy of each record.
 *
 * An append is acknowledged after the commit that has it was synced to the disk, so neither SIGKILL nor a loss of power takes
 * it back. DESIGN.md says how.
 */
export function createEmbeddedWal(options: EmbeddedWalOptions): EmbeddedWal {
  const { directory, retentionEveryMs = retentionEveryMsDefault } = options;
  // Two threads, so that a reader does not wait for a writer's fsync. Each is started by its first use.
  const writer = createWorkerClient<WriterMethods>({
    url: workerUrl('writer-worker'),
    name: "the embedded log's writer thread",
    workerData: { directory, retentionEveryMs } satisfies WriterSettings,
    lostCode: 'LOG_UNAVAILABLE',
  });
  const reader = createWorkerClient<ReaderMethods>({
    url: workerUrl('reader-worker'),
    name: "the embedded log's reader thread",
    workerData: { directory } satisfies ReaderSettings,
    lostCode: 'LOG_UNAVAILABLE',
  });
  const lanes = new Set<Lane>();
  const closing = new AbortController();
  let closed: Promise<void> | undefined;
  let lastTicket = 0;

  const read: LogSource['read'] = async (topic, partition, offset, signal) => {
    lastTicket += 1;
    const ticket = lastTicket;
    const found = reader.call('read', { topic, partition, offset, ticket });
    const stop = () => void reader.call('stopRead', { topic, ticket }).catch(() => {}); // ended anyway
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    try {
      return unpackSlice(topic, partition, await found);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  };
  const source: LogSource = {
    bounds: (topic, partition) => reader.call('bounds', { topic, partition }),
    read,
  };

  const openLane: Wal['openLane'] = async (topic, partition, limits = {}) => {
    const description = await reader.call('describe', topic);
    if (!description) throw topicMissing(topic);
    const { partitions } = description;
    if (!(partition >= 0 && partition < partitions))
      throw partitionMissing(topic, partition, partitions);
    const lane = createLane({
      topic,
      partition,
      limits,
      clock: realClock,
      send: (batch) => {
        const records = packRecords(batch);
        return writer.call('append', { topic, partition, records }, [records.values.buffer]);
      },
      release: async () => {
        lanes.delete(lane);
      },
    });
    lanes.add(lane);
    return lane;
  };

  const consume: Wal['consume'] = async (wanted) => {
    if (closing.signal.aborted) throw new EntError('SHUTTING_DOWN', 'the log was closed');
    const signal = AbortSignal.any([wanted.signal, closing.signal]);
    await consumeLog(source, { ...wanted, signal }, { clock: realClock, rng: realRng });
  };

  const closeAll = async () => {
    closing.abort();
    await Promise.all([...lanes].map((lane) => lane.close()));
    await Promise.all([writer.close(), reader.close()]);
  };

  return {
    kind: 'embedded',
    openLane,
    consume,
    bounds: (topic, partition) => reader.call('bounds', { topic, partition }),
    offsetForTime: (topic, partition, timeMs) =>
      reader.call('offsetForTime', { topic, partition, timeMs }),
    committed: async (group, topic, partition) => {
      assertGroup(group);
      return reader.call('committed', { topic, partition, group });
    },
    commit: async (group, topic, partition, offset) => {
      assertGroup(group);
      assertMark(offset);
      await writer.call('setMark', { topic, partition, group, offset });
    },
    describeTopic: (topic) => reader.call('describe', topic),
    createTopics: (specs) => writer.call('createTopics', specs),
    truncateBefore: (topic, partition, offset) =>
      writer.call('truncateBefore', { topic, partition, offset }),
    ping: () => reader.call('ping', undefined),
    close: () => (closed ??= closeAll()),
  };
}

/** Beside this file, by the same extension: sources run as they are, and so does what is built from them. */
function workerUrl(name: string): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./${name}.${extension}`, import.meta.url);
}

function unpackSlice(topic: string, partition: number, slice: PackedSlice): LogSlice {
  const { startOffset, endOffset, offsets, timesMs, records } = slice;
  return {
    startOffset,
    endOffset,
    records: unpackValues(records).map((value, index): LogRecord => {
      // The reader gives all lists the same length.
      return {
        topic,
        partition,
        offset: offsets[index] as number,
        timeMs: timesMs[index] as number,
        key: records.keys[index] as string,
        value,
        headers: unpackHeaders(records.headers[index] ?? null),
      };
    }),
  };
}
