import { EntError } from '@entdb/base';
import kafkajs, { type Admin } from 'kafkajs';
import { assertSamePartitions, assertTopicSpec, topicMissing } from '../topic-errors.ts';
import type { LogBounds, TopicDescription, TopicSpec } from '../wal.ts';
import { persistently, withClient } from './calls.ts';
import type { KafkaClient } from './client.ts';
import { kafkaErrorType } from './faults.ts';
import { commitOffset, noOffset } from './group-offset.ts';
import type { KafkaConfig } from './settings.ts';

const { ConfigResourceTypes } = kafkajs;

/** What can be asked of a cluster beside reading and writing. Rejects with TOPIC_MISSING, LOG_UNAVAILABLE, INVALID_SETTING. */
export interface KafkaAdmin {
  /** The signal gives up the call. */
  bounds(topic: string, signal?: AbortSignal): Promise<ReadonlyMap<number, LogBounds>>;
  offsetsForTime(topic: string, timeMs: number): Promise<ReadonlyMap<number, number>>;
  /** For each partition what the group has committed, if it has. */
  committed(
    group: string,
    topic: string,
  ): Promise<ReadonlyMap<number, { readonly offset: number | undefined }>>;
  /** Of a partition that is known to exist. */
  commit(group: string, topic: string, partition: number, offset: number): Promise<void>;
  describe(topic: string): Promise<TopicDescription | undefined>;
  create(specs: readonly TopicSpec[]): Promise<readonly string[]>;
  ping(): Promise<void>;
}

/**
 * A connection for each call: the calls are rare, and a kafkajs admin that lives on fails for ever after a topic that it once
 * asked for is deleted.
 */
export function createAdmin(config: KafkaConfig): KafkaAdmin {
  const call = <T>(attempt: string, work: (admin: Admin) => Promise<T>, signal?: AbortSignal) =>
    withAdmin(config, attempt, work, signal);

  const bounds: KafkaAdmin['bounds'] = (topic, signal) =>
    persistently(config, signal, () =>
      call(
        `looking up the bounds of ${topic}`,
        async (admin) => {
          await topicOf(admin, topic);
          const offsets = await admin.fetchTopicOffsets(topic);
          return new Map(
            offsets.map(({ partition, low, high }) => [
              partition,
              { startOffset: Number(low), endOffset: Number(high) },
            ]),
          );
        },
        signal,
      ),
    );

  return {
    bounds,

    offsetsForTime: (topic, timeMs) =>
      persistently(config, undefined, () =>
        call(`looking up offsets of ${topic} by time`, async (admin) => {
          await topicOf(admin, topic);
          const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, Math.ceil(timeMs));
          return new Map(offsets.map(({ partition, offset }) => [partition, Number(offset)]));
        }),
      ),

    committed: (group, topic) =>
      persistently(config, undefined, () =>
        call(`looking up what ${group} has committed of ${topic}`, async (admin) => {
          await topicOf(admin, topic);
          const found = await admin.fetchOffsets({ groupId: group, topics: [topic] });
          return new Map(
            found
              .flatMap(({ partitions }) => partitions)
              .map(({ partition, offset }) => [
                partition,
                { offset: offset === noOffset ? undefined : Number(offset) },
              ]),
          );
        }),
      ),

    commit: (group, topic, partition, offset) =>
      persistently(config, undefined, () =>
        commitOffset(config, group, { topic, partition, offset }),
      ),

    describe: (topic) =>
      call(`describing ${topic}`, async (admin) => {
        const found = await findTopic(admin, topic);
        if (!found) return undefined;
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
        });
        const entries = resources.flatMap((resource) => resource.configEntries);
        return {
          name: topic,
          partitions: found.partitions.length,
          replicationFactor: Math.min(
            ...found.partitions.map((partition) => partition.replicas.length),
          ),
          config: Object.fromEntries(
            entries.map(({ configName, configValue }) => [configName, configValue]),
          ),
        };
      }),

    create: async (specs) => {
      const made: string[] = [];
      specs.forEach(assertTopicSpec);
      await call('creating topics', async (admin) => {
        for (const spec of specs) {
          const found = await findTopic(admin, spec.name);
          if (found) assertSamePartitions(spec, found.partitions.length);
          else if (await createTopic(admin, spec)) made.push(spec.name);
        }
      });
      if (made.length > 0) await untilKnownEverywhere(config, made);
      for (const topic of made) await bounds(topic); // a broker may know that it leads before it does
      return made;
    },

    ping: () => call('reaching the brokers', async (admin) => void (await admin.describeCluster())),
  };
}

function withAdmin<T>(
  config: KafkaConfig,
  attempt: string,
  work: (admin: Admin) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const connected = async (client: KafkaClient) => {
    const admin = client.kafka.admin({ retry: client.retry });
    admin.on(admin.events.REQUEST_TIMEOUT, ({ payload }) => client.drop(payload.broker));
    await admin.connect();
    return work(admin);
  };
  return withClient(config, attempt, connected, signal);
}

type TopicMetadata = Awaited<ReturnType<Admin['fetchTopicMetadata']>>['topics'][number];

async function findTopic(admin: Admin, topic: string): Promise<TopicMetadata | undefined> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics.find(({ name }) => name === topic);
  } catch (error) {
    if (kafkaErrorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return undefined;
    throw error;
  }
}

async function topicOf(admin: Admin, topic: string): Promise<TopicMetadata> {
  const found = await findTopic(admin, topic);
  if (found) return found;
  throw topicMissing(topic);
}

/** Whether it was we who made it, or somebody else did in the same moment. */
async function createTopic(admin: Admin, spec: TopicSpec): Promise<boolean> {
  const config: Readonly<Record<string, string>> = {
    'min.insync.replicas': String(spec.minInsyncReplicas),
    'unclean.leader.election.enable': 'false',
    'cleanup.policy': 'delete',
    'message.timestamp.type': 'LogAppendTime',
    'retention.ms': String(spec.retentionMs),
    'max.message.bytes': String(spec.maxMessageBytes),
  };
  return admin.createTopics({
    waitForLeaders: false, // kafkajs asks one broker and takes "unknown topic" for a failure; see below
    topics: [
      {
        topic: spec.name,
        numPartitions: spec.partitions,
        replicationFactor: spec.replicationFactor,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      },
    ],
  });
}

const visiblePollMs = 50;

/**
 * A new topic reaches the brokers one after another. Until all of them know it and its leaders, a client that asks the wrong
 * one is told that it does not exist.
 */
async function untilKnownEverywhere(config: KafkaConfig, topics: readonly string[]): Promise<void> {
  const { brokers } = await withAdmin(config, 'listing the brokers', (admin) =>
    admin.describeCluster(),
  );
  const deadline = config.clock.monotonic() + config.timing.callDeadlineMs;
  await Promise.all(
    brokers.map(async ({ host, port }) => {
      // kafkajs asks its only seed broker first, so this is that broker's own answer.
      const alone = { ...config, brokers: [`${host}:${port}`] };
      while (!(await knows(alone, topics))) {
        if (config.clock.monotonic() > deadline) {
          throw new EntError(
            'LOG_UNAVAILABLE',
            `broker ${host}:${port} does not know the new topics ${topics.join(', ')}`,
          );
        }
        await config.clock.sleep(visiblePollMs);
      }
    }),
  );
}

async function knows(config: KafkaConfig, topics: readonly string[]): Promise<boolean> {
  return withAdmin(config, 'waiting for new topics', async (admin) => {
    for (const topic of topics) {
      const found = await findTopic(admin, topic);
      if (!found || found.partitions.some(({ leader }) => leader < 0)) return false;
    }
    return true;
  });
}
