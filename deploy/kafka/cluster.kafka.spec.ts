import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { startKafka, useKafka } from './cluster.ts';
import type { KafkaCluster } from './cluster.ts';
import { commandLine } from './processes.ts';

const { Kafka, ConfigResourceTypes, logLevel } = kafkajs;

jest.setTimeout(180_000);

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entdb-kafka-spec-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(20_000);
  while (!(await condition())) await delay(50, undefined, { signal });
}

const isAlive = (pid: number): boolean => commandLine(pid).includes('kafka.Kafka');

function clientOf({ bootstrap }: KafkaCluster) {
  return new Kafka({
    brokers: [...bootstrap],
    logLevel: logLevel.NOTHING,
    requestTimeout: 7000,
    retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 40 },
  });
}

describe('three brokers', () => {
  let cluster: KafkaCluster;
  beforeEach(async () => {
    cluster = await startKafka({ brokers: 3, dir });
  });
  afterEach(() => cluster.stop());

  it('serve a replicated topic while one of them is killed and comes back, and leave no process', async () => {
    const kafka = clientOf(cluster);
    const admin = kafka.admin();
    const producer = kafka.producer({
      idempotent: true,
      metadataMaxAge: 2000,
      allowAutoTopicCreation: false,
    });
    const send = async (value: string): Promise<string | undefined> => {
      const [result] = await producer.send({
        topic: 'wal',
        acks: -1,
        timeout: 5000,
        messages: [{ partition: 0, value }],
      });
      return result?.baseOffset;
    };
    const partition = async () =>
      (await admin.fetchTopicMetadata({ topics: ['wal'] })).topics[0]?.partitions[0];
    const leader = async (): Promise<number> => (await partition())?.leader ?? -1;
    const inSync = async (): Promise<number> => (await partition())?.isr.length ?? 0;
    const pids = [1, 2, 3].map((id) => cluster.broker(id).pid ?? -1);

    await Promise.all([admin.connect(), producer.connect()]);
    try {
      await admin.createTopics({
        topics: [{ topic: 'wal', numPartitions: 1, replicationFactor: 3 }],
      });
      expect(await send('with all three')).toBe('0');

      const victim = cluster.broker(await leader());
      const killed = victim.pid ?? -1;
      await victim.kill();
      expect(victim.pid).toBeUndefined();
      expect(isAlive(killed)).toBe(false);
      expect(await send('with two')).toBe('1');
      await eventually(async () => (await inSync()) === 2);

      await victim.start();
      pids.push(victim.pid ?? -1);
      await eventually(async () => (await inSync()) === 3);
      expect(await send('with all three again')).toBe('2');
    } finally {
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    }

    expect(pids.filter(isAlive)).toHaveLength(3);
    await cluster.stop();
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it('keep the safe settings, and delete what is past its retention within seconds', async () => {
    const kafka = clientOf(cluster);
    const admin = kafka.admin();
    const producer = kafka.producer({ allowAutoTopicCreation: false });
    await Promise.all([admin.connect(), producer.connect()]);
    try {
      const configEntries = [
        { name: 'retention.ms', value: '1000' },
        { name: 'segment.ms', value: '500' },
      ];
      await admin.createTopics({ topics: [{ topic: 'brief', numPartitions: 1, configEntries }] });

      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: 'brief' }],
      });
      const configs = new Map(
        resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]),
      );
      expect(configs.get('min.insync.replicas')).toBe('2');
      expect(configs.get('unclean.leader.election.enable')).toBe('false');
      const { topics } = await admin.fetchTopicMetadata({ topics: ['brief'] });
      expect(topics[0]?.partitions[0]?.replicas).toHaveLength(3);

      await producer.send({ topic: 'brief', messages: [{ partition: 0, value: 'soon gone' }] });
      await eventually(async () => (await admin.fetchTopicOffsets('brief'))[0]?.low === '1');
    } finally {
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    }
  });
});

it('a paused broker answers no one, and the same process answers again when resumed', async () => {
  const cluster = await startKafka({ brokers: 1, dir });
  try {
    const broker = cluster.broker(1);
    const { pid } = broker;
    const kafka = new Kafka({
      brokers: [...cluster.bootstrap],
      logLevel: logLevel.NOTHING,
      requestTimeout: 1000,
      retry: { retries: 0 },
    });
    const admin = kafka.admin();
    broker.pause();
    await expect(admin.connect()).rejects.toThrow();
    broker.resume();
    await admin.connect();
    await admin.disconnect();
    expect(broker.pid).toBe(pid);
  } finally {
    await cluster.stop();
  }
});

it('brokers end with the process that started them, though it dies by SIGKILL', async () => {
  const script = `
    import { startKafka, useKafka } from ${JSON.stringify(new URL('./cluster.ts', import.meta.url).href)};
    const cluster = await startKafka({ brokers: 1, dir: ${JSON.stringify(dir)} });
    process.stdout.write(String(cluster.broker(1).pid));
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = await once(parent.stdout, 'data');
  const pid = Number(printed);
  expect(isAlive(pid)).toBe(true);

  parent.kill('SIGKILL');
  await eventually(() => !isAlive(pid));
});

it('a running cluster that the environment names is used, and left alone', async () => {
  const before = process.env['ENTDB_TEST_KAFKA_BROKERS'];
  const cluster = await startKafka({ brokers: 1, dir });
  try {
    process.env['ENTDB_TEST_KAFKA_BROKERS'] = cluster.bootstrap.join(',');
    const borrowed = await useKafka({ brokers: 3, dir });
    expect(borrowed.bootstrap).toEqual(cluster.bootstrap);
    await borrowed.stop();
    expect(isAlive(cluster.broker(1).pid ?? -1)).toBe(true);
  } finally {
    if (before === undefined) delete process.env['ENTDB_TEST_KAFKA_BROKERS'];
    else process.env['ENTDB_TEST_KAFKA_BROKERS'] = before;
    await cluster.stop();
  }
});
