/** Method: an applier as a process with an empty volume, a log that has lost its head, and a real S3 server that is down at first. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { realClock, realRng, silentLogger } from '@entdb/base';
import { logSettings, parseSettings } from '@entdb/config';
import { startS3, type S3Server } from '@entdb/deploy/s3';
import { logOf } from '@entdb/fleet';
import { createS3Store } from '@entdb/object-store';
import { createEmbeddedWal, walTopic } from '@entdb/wal';
import { createTestArchive } from './testing/archive.ts';
import { endAppliers, spawnApplier, type ApplierProcess } from './testing/process.ts';
import { recordOf } from './testing/records.ts';

jest.setTimeout(240_000);

let dataDir: string;
let server: S3Server;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'entdb-heal-s3-'));
  server = await startS3({ dir: join(dataDir, 's3') });
  await server.createBucket('bucket');
});
afterEach(async () => {
  await endAppliers();
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

const health = async (applier: ApplierProcess) =>
  (await (await applier.page('/health')).json()) as Readonly<Record<string, unknown>>;
const ask = async (applier: ApplierProcess) =>
  applier.ask('GetTenant', { scope: { tenantId: 'acme' } });

it('an S3 that is away is waited for, said in the health, and then has what the log lost', async () => {
  const env = {
    ENTDB_WAL_PARTITIONS: '1',
    ENTDB_OBJECT_STORE: 's3',
    ENTDB_S3_BUCKET: 'bucket',
    ENTDB_S3_ENDPOINT: server.endpoint,
    ENTDB_S3_REGION: server.region,
    ENTDB_S3_ACCESS_KEY_ID: server.credentials.accessKeyId,
    ENTDB_S3_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
  };
  const wal = createEmbeddedWal({ directory: join(dataDir, 'log') });
  const settings = parseSettings(logSettings, { ...env, ENTDB_DATA_DIR: dataDir });
  const { topics } = logOf(settings, { logger: silentLogger, clock: realClock, rng: realRng });
  await wal.createTopics(topics);
  const lane = await wal.openLane(walTopic, 0);
  await lane.append(Array.from({ length: 50 }, (_, n) => recordOf('acme', n)));
  await lane.close();
  const store = createS3Store({
    bucket: 'bucket',
    endpoint: server.endpoint,
    region: server.region,
    credentials: server.credentials,
    allowNoConditionalCreate: false,
    clock: realClock,
    rng: realRng,
  });
  const archive = createTestArchive({ wal, store, cacheDir: dataDir });
  await archive.archive(0, 30);
  await archive.snapshot('acme');
  await archive.archive(0);
  await wal.truncateBefore(walTopic, 0, 45);
  await store.close();
  await wal.close();
  await server.kill();

  const applier = spawnApplier(dataDir, env);
  // It serves whom it can, and says of the others that they must wait: never that anything is lost.
  await applier.said('ready');
  expect((await ask(applier)).code).toBe('NOT_CAUGHT_UP');
  expect(await health(applier)).toMatchObject({
    status: 'degraded',
    components: { s3: expect.stringContaining('degraded') as string },
  });
  await server.start();
  for (;;) {
    const { body, code } = await ask(applier);
    if (code === undefined && body['fault'] === undefined) {
      expect(body).toMatchObject({ nodeCount: '50', sequence: '50' });
      break;
    }
    await delay(100);
  }
  for (;;) {
    const { components } = await health(applier);
    if ((components as Readonly<Record<string, string>>)['s3'] === 'ok') break;
    await delay(100);
  }
});
