import { EntError } from '@entdb/base';
import type { TopicDescription, TopicSpec } from './wal.ts';

/** What adapters without brokers say of topics: the same words, and Kafka's own names. */

export function topicMissing(topic: string): EntError {
  return new EntError('TOPIC_MISSING', `topic ${topic} does not exist`, {
    hint: 'run: entdb topics create',
  });
}

export function partitionMissing(topic: string, partition: number, partitions: number): EntError {
  return new EntError(
    'TOPIC_MISMATCH',
    `topic ${topic} has ${partitions} partitions; there is no partition ${partition}`,
  );
}

/** A topic that is there is left as it is, but never with another number of partitions: tenants would change theirs. */
export function assertSamePartitions(spec: TopicSpec, partitions: number): void {
  if (spec.partitions === partitions) return;
  throw new EntError(
    'TOPIC_MISMATCH',
    `topic ${spec.name} has ${partitions} partitions, not ${spec.partitions}`,
    {
      hint: 'a topic keeps the number of partitions that it was made with',
    },
  );
}

/** Names that are safe as Kafka topics and as file names. */
export function assertTopicSpec(spec: TopicSpec): void {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(spec.name)) {
    throw new EntError('INVALID_ARGUMENT', `${JSON.stringify(spec.name)} is no name for a topic`, {
      field: 'name',
    });
  }
  if (!Number.isInteger(spec.partitions) || spec.partitions < 1 || spec.partitions > 1_000) {
    throw new EntError(
      'INVALID_ARGUMENT',
      `topic ${spec.name}: partitions must be 1 to 1000, not ${spec.partitions}`,
      {
        field: 'partitions',
      },
    );
  }
}

/** One copy of each record, and the guarantees that hold by construction. */
export function describeSingleCopy(
  spec: Pick<TopicSpec, 'name' | 'partitions' | 'retentionMs' | 'maxMessageBytes'>,
): TopicDescription {
  return {
    name: spec.name,
    partitions: spec.partitions,
    replicationFactor: 1,
    config: {
      'min.insync.replicas': '1',
      'unclean.leader.election.enable': 'false',
      'cleanup.policy': 'delete',
      'message.timestamp.type': 'LogAppendTime',
      'retention.ms': String(spec.retentionMs),
      'max.message.bytes': String(spec.maxMessageBytes),
    },
  };
}
