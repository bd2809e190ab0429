/** The same bad input, on a real S3 server. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startS3, type S3Server } from '@entdb/deploy/s3';
import { createS3Store, type ObjectStore } from '@entdb/object-store';
import { describeBadInput, inside, runInto, type Ward } from './testing/bad-input-run.ts';

// Each case is a process or several, and a machine may have other work.
jest.setTimeout(300_000);

let dir: string;
let server: S3Server;
let store: ObjectStore;

const envOf = (bucket: string, secret = server.credentials.secretAccessKey) => ({
  ENTDB_DATA_DIR: join(dir, 'data'),
  ENTDB_OBJECT_STORE: 's3',
  ENTDB_S3_BUCKET: bucket,
  ENTDB_S3_ENDPOINT: server.endpoint,
  ENTDB_S3_REGION: server.region,
  ENTDB_S3_ACCESS_KEY_ID: server.credentials.accessKeyId,
  ENTDB_S3_SECRET_ACCESS_KEY: secret,
});

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'entdb-bad-input-s3-'));
  server = await startS3({ dir: join(dir, 's3') });
  await server.createBucket('bucket');
  const { endpoint, region, credentials } = server;
  store = createS3Store({ bucket: 'bucket', endpoint, region, credentials });
  await store.probe();
});
afterAll(async () => {
  await store.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});
const ward = (): Ward => ({ store, dir, env: envOf('bucket'), title: 'bad input, S3' });

describe('bad input, on S3', () => describeBadInput(ward));

describe('bad input of a bucket', () => {
  const wanted = ['--target-sequence', '12', '--tenant-id', 't0'];

  it.each([
    ['that is not there', () => envOf('another-bucket'), 'another-bucket'],
    ['that refuses the credentials', () => envOf('bucket', 'wrong'), 'bucket'],
  ])('%s', (name, env, named) => {
    const refused = runInto(dir, name.replaceAll(' ', '-'), wanted, env());
    expect(refused).toMatchObject({ status: 3, left: [] });
    expect(refused.stderr).toMatch(/^OBJECT_STORE_DENIED: /);
    expect(refused.stderr).toContain(named);
    expect(refused.stderr).toMatch(/^ {2}Try: /m);
    expect(inside(refused.out)).toEqual([]);
  });

  it('that nobody wrote to', async () => {
    await server.createBucket('empty');
    const refused = runInto(dir, 'empty', wanted, envOf('empty'));
    expect(refused).toMatchObject({ status: 3, left: [] });
    expect(refused.stderr).toContain(
      'NOTHING_ARCHIVED: the object store holds nothing of tenant t0',
    );
    expect(inside(refused.out)).toEqual([]);
  });
});
