import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { realClock, realRng } from '@entdb/base';
import { startS3 } from '@entdb/deploy/s3';
import { createDirectoryStore, createS3Store, type ObjectStore } from '@entdb/object-store';

/** An object store, and how the programs are told of it. */
export interface Place extends AsyncDisposable {
  readonly store: ObjectStore;
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string>>;
}

const ports = { clock: realClock, rng: realRng };
const bucket = 'bench';

/** A directory, or a bucket of an S3 server of its own. */
export async function openPlace(dir: string, kind: 'directory' | 's3'): Promise<Place> {
  const dataDir = join(dir, 'data');
  mkdirSync(dataDir, { recursive: true });
  return kind === 's3' ? openBucket(join(dir, 's3'), dataDir) : openDirectory(dataDir);
}

function openDirectory(dataDir: string): Place {
  const store = createDirectoryStore({ directory: join(dataDir, 'objects'), ...ports });
  return {
    store,
    dataDir,
    env: { ENTDB_OBJECT_STORE: 'directory', ENTDB_DATA_DIR: dataDir },
    [Symbol.asyncDispose]: () => store.close(),
  };
}

async function openBucket(dir: string, dataDir: string): Promise<Place> {
  const server = await startS3({ dir });
  try {
    await server.createBucket(bucket);
    const { endpoint, region, credentials } = server;
    const store = createS3Store({ bucket, endpoint, region, credentials, ...ports });
    return {
      store,
      dataDir,
      env: {
        ENTDB_OBJECT_STORE: 's3',
        ENTDB_DATA_DIR: dataDir,
        ENTDB_S3_BUCKET: bucket,
        ENTDB_S3_ENDPOINT: endpoint,
        ENTDB_S3_REGION: region,
        ENTDB_S3_ACCESS_KEY_ID: credentials.accessKeyId,
        ENTDB_S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      },
      [Symbol.asyncDispose]: async () => {
        await store.close();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
