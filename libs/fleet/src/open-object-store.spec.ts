import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRng, silentLogger } from '@entdb/base';
import { objectStoreSettings, parseSettings } from '@entdb/config';
import { objectStoreOf, openObjectStore } from './open-object-store.ts';

const ports = { logger: silentLogger, clock: realClock, rng: realRng };
const never = new AbortController().signal;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entdb-fleet-'));
});
afterEach(() => rm(dir, { recursive: true }));

it('a writer makes the folder of objects below the data folder; a reader wants it to be there', async () => {
  const settings = parseSettings(objectStoreSettings, { ENTDB_DATA_DIR: dir });
  const reader = objectStoreOf(settings, ports);
  await expect(reader.read('x')).rejects.toMatchObject({ code: 'OBJECT_STORE_DENIED' });

  const writer = await openObjectStore(settings, ports, never);
  await writer.create('archive/x', Buffer.from('bytes'));
  expect(await readdir(join(dir, 'objects'))).toContain('archive');
  expect(Buffer.from(await reader.read('archive/x')).toString()).toBe('bytes');
  await Promise.all([reader.close(), writer.close()]);
});

it('a server that is not there is waited for, until the signal', async () => {
  const settings = parseSettings(objectStoreSettings, {
    ENTDB_OBJECT_STORE: 's3',
    ENTDB_S3_BUCKET: 'bucket',
    ENTDB_S3_ENDPOINT: 'http://127.0.0.1:1', // nobody can listen there
    ENTDB_S3_ACCESS_KEY_ID: 'a',
    ENTDB_S3_SECRET_ACCESS_KEY: 'b',
  });
  const tried = Promise.withResolvers<void>();
  const logger = { ...silentLogger, warn: () => tried.resolve() };
  const abort = new AbortController();
  const opening = openObjectStore(settings, { ...ports, logger }, abort.signal);
  await tried.promise;
  const reason = new Error('enough');
  abort.abort(reason);
  await expect(opening).rejects.toBe(reason);
});
