import { join } from 'node:path';
import type { Clock, Logger, Rng } from '@entdb/base';
import type { LogSettings } from '@entdb/config';
import {
  assertTopics,
  createEmbeddedWal,
  createKafkaWal,
  topicSpecs,
  type KafkaSasl,
  type TopicSpec,
  type Wal,
} from '@entdb/wal';
import { patiently } from './patiently.ts';

export interface OpenLog {
  readonly wal: Wal;
  /** The topics as they must be. */
  readonly topics: readonly TopicSpec[];
}

export interface Ports {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** The log that the settings name. Connects to nothing yet. */
export function logOf(settings: LogSettings, { logger, clock, rng }: Ports): OpenLog {
  const embedded = settings.log === 'embedded';
  const topics = topicSpecs({
    walPartitions: settings.walPartitions,
    // The embedded log has one copy by nature.
    replicationFactor: embedded ? 1 : settings.walReplicationFactor,
    minInsyncReplicas: embedded ? 1 : settings.walMinInsyncReplicas,
    walRetentionMs: settings.walRetentionHours * 3_600_000,
  });
  if (embedded)
    return { wal: createEmbeddedWal({ directory: join(settings.dataDir, 'log') }), topics };
  const sasl = saslOf(settings);
  const wal = createKafkaWal({
    brokers: settings.kafkaBrokers ?? [],
    logger,
    clock,
    rng,
    ...(settings.kafkaSsl && { tls: {} }),
    ...(sasl && { sasl }),
  });
  return { wal, topics };
}

/**
 * Opens the log and refuses to go on unless its topics are safe: TOPIC_MISSING, TOPIC_MISMATCH or TOPIC_UNSAFE, each with the remedy. The embedded log makes
 * its own topics; Kafka's are made by `entdb topics create`, never by accident. A log that is not there yet is waited for, until the signal.
 */
export async function openLog(
  settings: LogSettings,
  ports: Ports,
  signal: AbortSignal,
): Promise<OpenLog> {
  const log = logOf(settings, ports);
  const assertSafe = async () => {
    if (settings.log === 'embedded') await log.wal.createTopics(log.topics);
    return assertTopics(log.wal, log.topics, { allowUnsafe: settings.allowUnsafeTopic });
  };
  try {
    const tolerated = await patiently('opening the log', assertSafe, { ...ports, signal });
    for (const fault of tolerated)
      ports.logger.warn({ ...fault }, 'unsafe topic setting is tolerated');
    return log;
  } catch (error) {
    await log.wal.close();
    throw error;
  }
}

function saslOf(settings: LogSettings): KafkaSasl | undefined {
  const {
    kafkaSaslMechanism: mechanism,
    kafkaSaslUsername: username,
    kafkaSaslPassword: password,
  } = settings;
  if (mechanism === undefined || username === undefined || password === undefined) return undefined;
  return { mechanism, username, password };
}
