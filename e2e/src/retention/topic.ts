import kafkajs, { type Admin } from 'kafkajs';
import { walTopic } from '@entdb/wal';

/** What a person does to the topic by Kafka's own tools, and the port does not offer. */
async function withAdmin<T>(
  brokers: readonly string[],
  use: (admin: Admin) => Promise<T>,
): Promise<T> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Settings of a topic's own, in Kafka's numbering of where a setting comes from. */
const ownSetting = 1;

/** Changes settings of entdb-wal, and leaves the others as they are: Kafka's call replaces all of them. */
export function alterTopic(
  brokers: readonly string[],
  changes: Readonly<Record<string, string>>,
): Promise<void> {
  const { TOPIC } = kafkajs.ConfigResourceTypes;
  return withAdmin(brokers, async (admin) => {
    const resource = { type: TOPIC, name: walTopic };
    const { resources } = await admin.describeConfigs({
      resources: [resource],
      includeSynonyms: false,
    });
    const own = resources
      .flatMap(({ configEntries }) => configEntries)
      .filter(({ configSource }) => (configSource as number) === ownSetting)
      .map(({ configName, configValue }) => [configName, configValue] as const);
    const all = Object.entries({ ...Object.fromEntries(own), ...changes });
    const configEntries = all.map(([name, value]) => ({ name, value }));
    await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] });
  });
}
