import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { startKafka, type KafkaCluster } from '@entdb/deploy/kafka';
import { describeWal } from '../conformance.ts';
import { createKafkaWal } from './kafka-wal.ts';

const { Kafka, logLevel } = kafkajs;

jest.setTimeout(180_000);

let dir: string;
let cluster: KafkaCluster;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entdb-wal-kafka-'));
  cluster = await startKafka({ brokers: 3, dir });
});
afterAll(async () => {
  await cluster?.stop();
  await rm(dir, { recursive: true });
});

const newWal = () => createKafkaWal({ brokers: cluster.bootstrap });

/** What the port does not offer, for nobody but a test deletes records by hand. */
async function truncateBefore(topic: string, partition: number, offset: number): Promise<void> {
  const kafka = new Kafka({ brokers: [...cluster.bootstrap], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.fetchTopicOffsets(topic); // makes kafkajs look up the leaders
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
  } finally {
    await admin.disconnect();
  }
}

describeWal('kafka', () => {
  const wal = newWal();
  return Promise.resolve({
    wal,
    another: () => Promise.resolve(newWal()),
    truncateBefore,
    cleanup: () => wal.close(),
  });
});
