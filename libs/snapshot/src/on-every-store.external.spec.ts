/** Method: the suites of this package are run again, as they stand, on a directory and on a real S3 server. Each store is a folder or a prefix of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startS3, type S3Server } from '@entdb/deploy/s3';
import type * as testStores from './testing/test-store.ts';

jest.setTimeout(300_000);

type TestStores = typeof testStores;

const suites = ['damage', 'damage-and-log', 'delta', 'erasure', 'in-place', 'lifecycle'] as const;

/** A required spec puts its tests where it is required. Each has modules of its own, and its stores are of these. */
function requireSuites(open: (modules: TestStores) => ReturnType<TestStores['s3Stores']>): void {
  for (const name of suites)
    describe(name, () => {
      jest.isolateModules(() => {
        const modules = require('./testing/test-store.ts') as TestStores;
        const stores = open(modules);
        modules.storesFrom(stores.make);
        require(`./${name}.spec.ts`);
        afterAll(() => stores.close());
      });
    });
}

describe('on a directory', () => requireSuites(({ directoryStores }) => directoryStores()));

describe('on S3', () => {
  let dir: string;
  let server: S3Server;
  const bucket = 'suites';
  let made = 0;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'entdb-snapshot-s3-'));
    server = await startS3({ dir });
    await server.createBucket(bucket);
  });
  afterAll(async () => {
    await server?.stop();
    await rm(dir, { recursive: true });
  });
  requireSuites(({ s3Stores }) => {
    const prefix = `suite-${made++}`;
    return s3Stores(() => ({
      bucket,
      prefix,
      endpoint: server.endpoint,
      credentials: server.credentials,
    }));
  });
});
