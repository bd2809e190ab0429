import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka, type KafkaCluster } from '@entdb/deploy/kafka';
import { describeWal } from '../conformance.ts';
import { fill, tail } from '../conformance/fixture.ts';
import { createKafkaWal } from './kafka-wal.ts';
import { leadersOf, truncateBefore } from './testing/real-cluster.ts';

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

it('a slow partition does not hold up another that the same broker leads', async () => {
  const wal = newWal();
  const topic = 'same-leader';
  const spec = {
    replicationFactor: 1,
    minInsyncReplicas: 1,
    retentionMs: -1,
    maxMessageBytes: 1_048_588,
  };
  await wal.createTopics([{ ...spec, name: topic, partitions: 4 }]); // four on three brokers: two share one
  const leaders = await leadersOf(cluster.bootstrap, topic);
  const [slow, quick] = [...leaders.keys()].flatMap((a) =>
    [...leaders.keys()]
      .filter((b) => b > a && leaders.get(a) === leaders.get(b))
      .flatMap((b) => [a, b]),
  );
  if (slow === undefined || quick === undefined)
    throw new Error('no two partitions have the same leader');

  await fill(wal, topic, slow, ['s0']);
  const released = Promise.withResolvers<void>();
  const reader = tail(wal, {
    topic,
    from: new Map([
      [slow, 0],
      [quick, 0],
    ]),
    onBatch: ({ partition }) => (partition === slow ? released.promise : Promise.resolve()),
  });
  await reader.records(1); // the slow one is under way
  await fill(wal, topic, quick, ['q0']);
  await reader.records(2);
  await fill(wal, topic, slow, ['s1']);
  await fill(wal, topic, quick, ['q1']);
  const before = await reader.records(3);
  expect(before.map((record) => record.partition)).toEqual([slow, quick, quick]);
  released.resolve();
  expect((await reader.records(4)).at(-1)).toMatchObject({ partition: slow, offset: 1 });
  await reader.stop();
  await wal.close();
});
