import { join } from 'node:path';
import { realClock, realRng, silentLogger } from '@entdb/base';
import { startKafka, type KafkaCluster } from '@entdb/deploy/kafka';
import { startFleet, type Fleet } from '@entdb/deploy/local';
import { createKafkaWal, defaultTopicSettings, topicSpecs, walTopic } from '@entdb/wal';
import type { WriteContestOptions } from './writes.ts';

export interface BenchFleet extends WriteContestOptions, AsyncDisposable {}

/** Beside the fleet's topics, with the same settings, for the bare lanes. */
const rawTopic = 'raw';
const readyTimeoutMs = 120_000;

/** One gateway and one applier, on the embedded log or on three brokers of their own. */
export async function startBenchFleet(dir: string, onKafka: boolean): Promise<BenchFleet> {
  let cluster: KafkaCluster | undefined;
  let fleet: Fleet | undefined;
  const close = async () => {
    await fleet?.stop();
    await cluster?.stop();
  };
  try {
    cluster = onKafka ? await startBrokers(join(dir, 'kafka')) : undefined;
    const bootstrap = cluster?.bootstrap;
    const dataDir = join(dir, 'data');
    fleet = await startFleet({ dataDir, ...(bootstrap && { kafkaBrokers: bootstrap }) });
    await fleet.ready(readyTimeoutMs);
    return {
      fleet,
      dir,
      ...(bootstrap && { brokers: { bootstrap, rawTopic } }),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startBrokers(dir: string): Promise<KafkaCluster> {
  const cluster = await startKafka({ brokers: 3, dir });
  try {
    const ports = { logger: silentLogger, clock: realClock, rng: realRng };
    const wal = createKafkaWal({ brokers: cluster.bootstrap, ...ports });
    try {
      const specs = topicSpecs(defaultTopicSettings);
      const raw = specs.filter(({ name }) => name === walTopic);
      await wal.createTopics([...specs, ...raw.map((spec) => ({ ...spec, name: rawTopic }))]);
    } finally {
      await wal.close();
    }
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
