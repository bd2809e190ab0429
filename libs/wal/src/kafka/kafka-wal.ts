import { EntError } from '@entdb/base';
import { assertGroup, assertMark } from '../marks.ts';
import type { Lane, Wal } from '../wal.ts';
import { createAdmin } from './admin.ts';
import { consumeKafka } from './consumer.ts';
import { openKafkaLane } from './lane.ts';
import { entryOf } from './positions.ts';
import { parseKafkaSettings, type KafkaSettings } from './settings.ts';

/**
 * The log on Kafka. Every lane, reader and administrative call has connections of its own, so that none waits for another
 * and the end of one is the end of its sockets. Nothing is connected before it is needed; throws INVALID_SETTING.
 */
export function createKafkaWal(settings: KafkaSettings): Wal {
  const config = parseKafkaSettings(settings);
  const admin = createAdmin(config);
  const lanes = new Set<Lane>();
  const readers = new Set<Promise<void>>();
  const closed = new AbortController();

  const assertOpen = () => {
    if (closed.signal.aborted) throw new EntError('SHUTTING_DOWN', 'the log has been closed');
  };

  return {
    kind: 'kafka',

    openLane: async (topic, partition, limits) => {
      assertOpen();
      entryOf(await admin.bounds(topic), topic, partition); // kafkajs would send to a partition that is not there, and succeed
      const lane = await openKafkaLane(config, { topic, partition, limits });
      if (closed.signal.aborted) await lane.close();
      assertOpen();
      lanes.add(lane);
      return {
        topic,
        partition,
        get poisoned() {
          return lane.poisoned;
        },
        get pending() {
          return lane.pending;
        },
        append: (records) => lane.append(records),
        close: () => lane.close().finally(() => lanes.delete(lane)),
      };
    },

    consume: async (options) => {
      assertOpen();
      const signal = AbortSignal.any([options.signal, closed.signal]);
      const reader = consumeKafka(config, admin, { ...options, signal });
      readers.add(reader);
      await reader.finally(() => readers.delete(reader));
    },

    bounds: async (topic, partition) => entryOf(await admin.bounds(topic), topic, partition),
    offsetForTime: async (topic, partition, timeMs) =>
      entryOf(await admin.offsetsForTime(topic, timeMs), topic, partition),
    committed: async (group, topic, partition) => {
      assertGroup(group);
      return entryOf(await admin.committed(group, topic), topic, partition).offset;
    },
    commit: async (group, topic, partition, offset) => {
      assertGroup(group);
      assertMark(offset);
      entryOf(await admin.bounds(topic), topic, partition); // brokers answer "unknown" as if it might pass
      await admin.commit(group, topic, partition, offset);
    },
    describeTopic: (topic) => admin.describe(topic),
    createTopics: (specs) => admin.create(specs),
    ping: () => admin.ping(),

    close: async () => {
      closed.abort();
      await Promise.all([...lanes].map((lane) => lane.close()));
      await Promise.allSettled(readers); // their errors are their callers'
    },
  };
}
