/** The suites of archiver.spec.ts and trouble.spec.ts on a real S3 server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startS3, type S3Server } from '@entdb/deploy/s3';
import { createS3Store } from '@entdb/object-store';
import { describeArchiving } from './conformance/archiving.ts';
import { describeTrouble } from './conformance/trouble.ts';
import { onStore } from './testing/worlds.ts';

jest.setTimeout(180_000);

let dir: string;
let server: S3Server;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entdb-archiver-s3-'));
  server = await startS3({ dir });
  await server.createBucket('archive');
});
afterAll(async () => {
  await server?.stop();
  await rm(dir, { recursive: true });
});

const onS3 = onStore('on S3', (prefix) =>
  createS3Store({
    bucket: 'archive',
    prefix,
    endpoint: server.endpoint,
    credentials: server.credentials,
  }),
);
describeArchiving(onS3);
describeTrouble(onS3);
