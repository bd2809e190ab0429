/** The applier on a broker of its own: topics that are not there are named, and never made by accident. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRng, silentLogger } from '@entdb/base';
import { startKafka, type KafkaCluster } from '@entdb/deploy/kafka';
import { logSettings, parseSettings } from '@entdb/config';
import { logOf } from '@entdb/fleet';
import { endAppliers, spawnApplier, startedApplier } from './testing/process.ts';
import { append, positionOf, recordOf } from './testing/records.ts';

jest.setTimeout(180_000);

let dir: string;
let cluster: KafkaCluster;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'entdb-applier-kafka-'));
  cluster = await startKafka({ brokers: 1, dir: join(dir, 'kafka') });
});
afterAll(async () => {
  await endAppliers();
  await cluster?.stop();
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

it('ends with TOPIC_MISSING and the remedy; once the topics are made, it applies and answers', async () => {
  const partitions = 2;
  const env = {
    ENTDB_LOG: 'kafka',
    ENTDB_KAFKA_BROKERS: cluster.bootstrap.join(','),
    ENTDB_WAL_PARTITIONS: String(partitions),
    ENTDB_WAL_REPLICATION_FACTOR: '1',
    ENTDB_WAL_MIN_INSYNC_REPLICAS: '1',
  };
  const dataDir = join(dir, 'data');
  const refused = spawnApplier(dataDir, env);
  expect(await refused.exited).toBe(1);
  expect(refused.lines.at(-1)).toMatchObject({
    level: 'error',
    message: 'the service could not start',
    err: {
      code: 'TOPIC_MISSING',
      message: expect.stringContaining('topic entdb-wal does not exist'),
      hint: 'run: entdb topics create',
    },
  });

  const { wal, topics } = logOf(parseSettings(logSettings, env), {
    logger: silentLogger,
    clock: realClock,
    rng: realRng,
  });
  await wal.createTopics(topics);
  const applier = await startedApplier(dataDir, env);
  const offset = await append(wal, partitions, [recordOf('acme', 1)]);
  const { body } = await applier.ask('GetNode', {
    scope: { tenantId: 'acme', atLeast: positionOf('acme', partitions, offset) },
    typeId: 1,
    id: 'node-1',
  });
  expect(body).toMatchObject({ node: { fields: { 1: { int: '1' } } } });

  // The brokers go, and come back: the process lives, says so, and goes on.
  await cluster.broker(1).kill();
  for (let status = ''; status !== 'degraded';)
    ({ status } = (await (await applier.page('/health')).json()) as { status: string });
  expect((await applier.page('/livez')).status).toBe(200);
  await cluster.broker(1).start();
  const later = await append(wal, partitions, [recordOf('acme', 2)]);
  const answer = await applier.ask('WaitForPosition', {
    scope: { tenantId: 'acme', atLeast: positionOf('acme', partitions, later) },
  });
  expect(answer.body).toMatchObject({ position: { offset: String(later) } });
  await wal.close();
  expect(await applier.end('SIGTERM')).toBe(0);
});
