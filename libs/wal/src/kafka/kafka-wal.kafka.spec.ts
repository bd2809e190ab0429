import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka, type KafkaCluster } from '@entdb/deploy/kafka';
import { describeWal } from '../conformance.ts';
import { createKafkaWal } from './kafka-wal.ts';
import { truncateBefore } from './testing/real-cluster.ts';

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

describeWal('kafka', () => {
  const wal = newWal();
  return Promise.resolve({
    wal,
    another: () => Promise.resolve(newWal()),
    truncateBefore: (topic, partition, offset) =>
      truncateBefore(cluster.bootstrap, topic, partition, offset),
    cleanup: () => wal.close(),
  });
});
