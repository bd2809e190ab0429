import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startS3, type S3Server } from '@entdb/deploy/s3';
import { describeObjectStore } from '../conformance.ts';
import { codeOf, bytes, keysOf, all } from '../conformance/fixture.ts';
import type { ObjectStore } from '../object-store.ts';
import { createS3Store } from './s3-store.ts';
import type { S3StoreOptions } from './options.ts';

jest.setTimeout(180_000);

let dir: string;
let server: S3Server;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entdb-s3-'));
  server = await startS3({ dir });
  await server.createBucket('conformance');
});
afterAll(async () => {
  await server?.stop();
  await rm(dir, { recursive: true });
});

const storeOn = (options: Partial<S3StoreOptions> = {}) =>
  createS3Store({
    bucket: 'conformance',
    endpoint: server.endpoint,
    credentials: server.credentials,
    ...options,
  });

describeObjectStore('s3', async () => {
  const store = storeOn({ prefix: 'one fleet/of several' });
  return {
    store,
    another: () => storeOn({ prefix: 'one fleet/of several' }),
    cleanup: () => store.close(),
  };
});

it('fleets with prefixes of their own do not see each other', async () => {
  const [one, other, whole] = [storeOn({ prefix: 'a' }), storeOn({ prefix: 'b/c' }), storeOn()];
  await one.create('x', bytes('1'));
  await other.create('x', bytes('2'));
  expect(await keysOf(one, '')).toEqual(['x']);
  expect(await keysOf(whole, 'b/')).toEqual(['b/c/x']);
  await Promise.all([one, other, whole].map((store) => store.close()));
});

describe('refused by the server', () => {
  const calls = (store: ObjectStore): Readonly<Record<string, Promise<unknown>>> => ({
    create: store.create('x', bytes('x')),
    read: store.read('x'),
    stat: store.stat('x'),
    list: keysOf(store, ''),
    folders: all(store.folders('')),
    remove: store.remove(['x']),
    probe: store.probe(),
  });

  it.each([
    [
      'an unknown key',
      { credentials: { accessKeyId: 'nobody', secretAccessKey: 'entdb-test-secret' } },
    ],
    ['a wrong secret', { credentials: { accessKeyId: 'entdb-test', secretAccessKey: 'wrong' } }],
    ['a bucket that is not there', { bucket: 'no-such-bucket' }],
    ['a name that is none for a bucket', { bucket: 'No' }],
  ])('%s is OBJECT_STORE_DENIED for every call, at once', async (_, options) => {
    const store = storeOn(options);
    const outcomes = Object.entries(calls(store)).map(async ([name, outcome]) => [
      name,
      await codeOf(outcome),
    ]);
    for (const [name, code] of await Promise.all(outcomes))
      expect([name, code]).toEqual([name, 'OBJECT_STORE_DENIED']);
    await store.close();
  });
});

it('a server that is frozen costs a time-out, and one that is gone a refusal; both may pass', async () => {
  const timing = { connectMs: 500, requestMs: 500 };
  const store = storeOn({ timing, limits: { attemptsMax: 2 } });
  await store.create('outage', bytes('before'));
  server.pause();
  expect(await codeOf(store.read('outage'))).toBe('OBJECT_STORE_UNAVAILABLE');
  server.resume();
  expect(await store.read('outage')).toHaveLength(6);
  await server.kill();
  expect(await codeOf(store.create('during', bytes('x')))).toBe('OBJECT_STORE_UNAVAILABLE');
  await server.start();
  expect(await store.create('outage', bytes('after'))).toBe('exists');
  await store.close();
});
