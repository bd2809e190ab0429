import { join } from 'node:path';
import { realClock, realRng, silentLogger } from '@entdb/base';
import { startKafka } from '@entdb/deploy/kafka';
import { startFleet } from '@entdb/deploy/local';
import { createKafkaWal, defaultTopicSettings, topicSpecs } from '@entdb/wal';

export interface DemoFleet {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A fleet of the demo's own: real processes, data in a folder that is removed in the end. */
export async function startDemoFleet(options: {
  readonly dir: string;
  readonly kafka: boolean;
  readonly aside: (line: string) => void;
}): Promise<DemoFleet> {
  const { dir, kafka, aside } = options;
  aside(
    `Starting a fleet ${kafka ? 'on Kafka' : 'on the embedded log'}; its data is temporary, in ${dir}`,
  );
  const brokers = kafka ? await startBrokers(join(dir, 'kafka'), aside) : undefined;
  const fleet = await startFleet({
    dataDir: join(dir, 'data'),
    onEvent: aside,
    ...(brokers && { kafkaBrokers: brokers.bootstrap }),
  });
  const stop = async () => {
    await fleet.stop();
    await brokers?.stop();
  };
  try {
    await fleet.ready(120_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint: fleet.endpoint, stop };
}

async function startBrokers(
  dir: string,
  aside: (line: string) => void,
): Promise<{ readonly bootstrap: readonly string[]; stop(): Promise<void> }> {
  const given = process.env['ENTDB_KAFKA_BROKERS'];
  if (given !== undefined) return { bootstrap: given.split(','), stop: () => Promise.resolve() };
  aside('Starting three Kafka brokers');
  const cluster = await startKafka({ brokers: 3, dir });
  const wal = createKafkaWal({
    brokers: cluster.bootstrap,
    logger: silentLogger,
    clock: realClock,
    rng: realRng,
  });
  try {
    await wal.createTopics(topicSpecs(defaultTopicSettings));
  } finally {
    await wal.close();
  }
  return cluster;
}
