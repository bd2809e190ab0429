import kafkajs, { type Admin } from 'kafkajs';

/** What tests do to a real cluster and the port does not offer. */

async function withAdmin<T>(
  bootstrap: readonly string[],
  use: (admin: Admin) => Promise<T>,
): Promise<T> {
  const kafka = new kafkajs.Kafka({ brokers: [...bootstrap], logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** The broker that leads each partition. */
export function leadersOf(
  bootstrap: readonly string[],
  topic: string,
): Promise<ReadonlyMap<number, number>> {
  return withAdmin(bootstrap, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return new Map(
      topics.flatMap(({ partitions }) =>
        partitions.map(({ partitionId, leader }) => [partitionId, leader]),
      ),
    );
  });
}

/** Makes the log begin at the offset, as retention would in time. */
export function truncateBefore(
  bootstrap: readonly string[],
  topic: string,
  partition: number,
  offset: number,
): Promise<void> {
  return withAdmin(bootstrap, async (admin) => {
    await admin.fetchTopicOffsets(topic); // kafkajs knows no leaders until it is asked for something else
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
  });
}
