import { invariant } from '@entdb/base';
import type { Cluster, PartitionAssigner } from 'kafkajs';
import { ownPartitions } from './assigner.ts';
import { withClient } from './calls.ts';
import type { KafkaConfig } from './settings.ts';

/** How Kafka says that a group has committed nothing. */
export const noOffset = '-1';

/** What a commit says in place of a member and a generation: nobody belongs to this group. */
const outsideTheGroup = { memberId: '', groupGenerationId: -1 } as const;

/**
 * Commits without joining the group. kafkajs's own `admin.setOffsets` joins it with a consumer and leaves it again: seconds for each
 * call, and two that commit at once turn each other out. A consumer that never runs gives us the cluster instead, by way of its assigner.
 */
export function commitOffset(
  config: KafkaConfig,
  groupId: string,
  { topic, partition, offset }: { topic: string; partition: number; offset: number },
): Promise<void> {
  return withClient(config, `committing an offset of ${groupId}`, async (client) => {
    let cluster: Cluster | undefined;
    const assigner: PartitionAssigner = (given) => {
      cluster = given.cluster;
      return ownPartitions(topic, [])(given);
    };
    const consumer = client.kafka.consumer({
      groupId,
      partitionAssigners: [assigner],
      retry: client.retry,
    });
    consumer.on(consumer.events.REQUEST_TIMEOUT, ({ payload }) => client.drop(payload.broker));
    await consumer.connect();
    invariant(cluster, 'kafkajs makes the assigners together with the consumer');
    const coordinator = await cluster.findGroupCoordinator({ groupId });
    await coordinator.offsetCommit({
      groupId,
      ...outsideTheGroup,
      topics: [{ topic, partitions: [{ partition, offset: String(offset) }] }],
    });
  });
}
