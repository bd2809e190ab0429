/** The same suites on a real S3 server. */
import { startS3, type S3Server } from '@entdb/deploy/s3';
import { scratchFolder } from '@entdb/testkit';
import { describeLoop } from './testing/loop-suite.ts';
import { onS3 } from './testing/place.ts';
import { describeProcess } from './testing/process-suite.ts';
import { describeSteps } from './testing/steps-suite.ts';

jest.setTimeout(120_000);

const bucket = 'snapshots';
const folder = scratchFolder('snapshotter-s3');
let server: S3Server;
beforeAll(async () => {
  server = await startS3({ dir: folder.path });
  await server.createBucket(bucket);
});
afterAll(async () => {
  await server?.stop();
  folder.remove();
});

const openPlace = onS3(() => server, bucket);
describeLoop('S3', async () => (await openPlace('')).store);
describeProcess('S3', openPlace);
describeSteps('S3', openPlace);
