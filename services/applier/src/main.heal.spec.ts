/** Method: appliers as processes, on an embedded log that loses its head and a directory of objects that the test fills. Real kills; the seed of their moments is printed. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { realClock, realRng, silentLogger } from '@entdb/base';
import { logSettings, parseSettings } from '@entdb/config';
import { logOf, readPublishedDigests } from '@entdb/fleet';
import { createDirectoryStore, type ObjectStore } from '@entdb/object-store';
import { makeRestorePoint } from '@entdb/snapshot';
import { createEmbeddedWal, walTopic, type EmbeddedWal } from '@entdb/wal';
import { createTestArchive, type TestArchive } from './testing/archive.ts';
import {
  endAppliers,
  spawnApplier,
  startedApplier,
  type ApplierProcess,
} from './testing/process.ts';
import { recordOf, type append } from './testing/records.ts';
import { restoreRecordOf } from './testing/restore-record.ts';

const env = { ENTDB_WAL_PARTITIONS: '1', ENTDB_DIGEST_INTERVAL: '100ms' };
const tenantIds = ['acme', 'other', 'third'];

jest.setTimeout(400_000);

let dataDir: string;
let wal: EmbeddedWal;
let store: ObjectStore;
let archive: TestArchive;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'entdb-heal-'));
  const directory = join(dataDir, 'objects');
  mkdirSync(directory);
  wal = createEmbeddedWal({ directory: join(dataDir, 'log') });
  const settings = parseSettings(logSettings, { ...env, ENTDB_DATA_DIR: dataDir });
  const { topics } = logOf(settings, { logger: silentLogger, clock: realClock, rng: realRng });
  await wal.createTopics(topics);
  store = createDirectoryStore({ directory, clock: realClock, rng: realRng });
  archive = createTestArchive({ wal, store, cacheDir: join(dataDir, 'cache') });
});
afterEach(async () => {
  await endAppliers();
  await Promise.all([wal.close(), store.close()]);
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const write = async (records: Parameters<typeof append>[2]): Promise<number> => {
  const lane = await wal.openLane(walTopic, 0);
  const { baseOffset } = await lane.append(records);
  await lane.close();
  return baseOffset + records.length - 1;
};
const everybodys = (from: number, to: number) =>
  numbers(from, to).flatMap((n) => tenantIds.map((tenantId) => recordOf(tenantId, n)));

type Facts = Readonly<Record<string, unknown>>;

/** What the applier says of the tenant, once it can be asked. */
async function tenantAt(applier: ApplierProcess, tenantId: string, offset: number): Promise<Facts> {
  const atLeast = { topic: walTopic, partition: 0, offset: String(offset) };
  for (;;) {
    const { body, code } = await applier.ask('GetTenant', { scope: { tenantId, atLeast } });
    if (code === undefined && body['fault'] === undefined) return body;
    const fault = code ?? (body['fault'] as { code: string }).code;
    if (fault !== 'NOT_CAUGHT_UP') throw new Error(`${tenantId}: ${JSON.stringify(body)}`);
    await delay(50);
  }
}

const allAt = (applier: ApplierProcess, offset: number) =>
  Promise.all(tenantIds.map((tenantId) => tenantAt(applier, tenantId, offset)));
const health = async (applier: ApplierProcess) =>
  (await (await applier.page('/health')).json()) as Facts;

/** No tenant waits for anything any more. */
async function healed(applier: ApplierProcess): Promise<void> {
  for (;;) {
    const { readiness, standing_still: left } = await health(applier);
    if (readiness === 'ready' && (left as readonly string[]).length === 0) return;
    await delay(50);
  }
}

it('an empty volume and a log without its head come back from the object store, whenever the process is killed', async () => {
  const first = await startedApplier(dataDir, env);
  let offset = await write(everybodys(0, 150));
  await archive.archive(0);
  await archive.snapshot('acme');
  offset = await write(everybodys(150, 300));
  await archive.archive(0);
  offset = await write(everybodys(300, 320));
  const expected = await allAt(first, offset);
  await first.end('SIGTERM');
  rmSync(join(dataDir, 'store'), { recursive: true });
  await wal.truncateBefore(walTopic, 0, 850);

  const healing = join(dataDir, 'store', 'healing');
  const seed = Number(process.env['ENTDB_TEST_SEED'] ?? Date.now() % 1_000_000);
  process.stdout.write(`seed ${seed}\n`);
  const made = 'the object store has what the log no longer has of a tenant';
  const moments: readonly ((applier: ApplierProcess) => Promise<unknown>)[] = [
    (applier) =>
      applier.said(
        'a partition begins at the log’s start; what lies before comes from the object store',
      ),
    // While files are made.
    async () => {
      while (!existsSync(healing) || readdirSync(healing).length === 0) await delay(1);
    },
    // Between the files and their place; what follows is the install.
    (applier) => applier.said(made),
    (applier) => applier.said(made).then(() => delay(seed % 20)),
  ];
  for (const moment of moments) {
    const applier = spawnApplier(dataDir, env);
    await applier.said('listening');
    // The first may be done with all of them before its moment.
    await Promise.race([moment(applier), healed(applier)]);
    await applier.end('SIGKILL');
  }
  const last = await startedApplier(dataDir, env);
  expect(await allAt(last, offset)).toEqual(expected);
  await healed(last);
  expect(await health(last)).toMatchObject({ components: { s3: 'ok' } });
  expect(readdirSync(healing)).toEqual([]);
});

it('a restore in place gives two replicas the same state in a new epoch, and positions from before are told apart', async () => {
  const storeOf = (name: string) => ({ ...env, ENTDB_STORE_DIR: join(dataDir, name) });
  const [one, two] = await Promise.all([
    startedApplier(dataDir, storeOf('one')),
    startedApplier(dataDir, storeOf('two')),
  ]);
  const early = await write(everybodys(0, 10));
  const then = (await tenantAt(one, 'acme', early)) as unknown as {
    canonicalDigest: string;
    mailboxDigest: string;
    sequence: string;
    position: { offset: string };
  };
  const old = await write(everybodys(10, 20));
  await archive.archive(0);
  const { manifestSha256, position, sequence } = await makeRestorePoint({
    store,
    clock: realClock,
    rng: realRng,
    tenantId: 'acme',
    target: { kind: 'sequence', sequence: Number(then.sequence), inclusive: true },
    workDir: join(dataDir, 'work'),
  });
  expect(position.offset).toBe(Number(then.position.offset));
  const record = restoreRecordOf(
    {
      tenantId: 'acme',
      position: { ...position, sequence, logTimeUs: 0 },
      digests: { canonical: then.canonicalDigest, mailbox: then.mailboxDigest },
    },
    0,
    { expectedEpoch: 1, manifestSha256 },
  );
  const offset = await write([record, recordOf('acme', 99)]);
  // One of them is killed while it waits for the files, and again between the files and their place.
  await two.said('tenant is restored in place: waiting for its files');
  await two.end('SIGKILL');
  const half = spawnApplier(dataDir, storeOf('two'));
  await half.said('files of a tenant have been made for a restore in place');
  await half.end('SIGKILL');
  const again = await startedApplier(dataDir, storeOf('two'));
  const restored = await tenantAt(one, 'acme', offset);
  expect(restored).toMatchObject({ nodeCount: '11', position: { epoch: '2' }, sequence: '22' });
  expect(await tenantAt(again, 'acme', offset)).toEqual(restored);
  expect(await allAt(again, offset)).toEqual(await allAt(one, offset));

  const look = (applier: ApplierProcess, epoch: string) =>
    applier.ask('GetNode', {
      scope: {
        tenantId: 'acme',
        atLeast: { topic: walTopic, partition: 0, offset: String(old), epoch },
      },
      typeId: 1,
      id: 'node-3',
    });
  for (const applier of [one, again]) {
    expect(await look(applier, '1')).toMatchObject({ code: 'STALE_EPOCH' });
    expect((await look(applier, '2')).body).toHaveProperty('node');
  }
  // What both published of it, at whatever records, does not contradict each other.
  const published = await readPublishedDigests(wal);
  expect(published.contradictions('acme')).toEqual([]);
  const said = published.of('acme').get(22);
  expect(said).toMatchObject({
    canonical: restored['canonicalDigest'],
    mailbox: restored['mailboxDigest'],
  });
});
