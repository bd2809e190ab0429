import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { realClock, realRng } from '@entdb/base';
import { startS3 } from '@entdb/deploy/s3';
import { createDirectoryStore, createS3Store, type ObjectStore } from '@entdb/object-store';

/** Where objects are, as text that can be handed to another process. */
export type StoreSettings =
  | { readonly kind: 'directory'; readonly directory: string }
  | {
      readonly kind: 's3';
      readonly endpoint: string;
      readonly region: string;
      readonly bucket: string;
      readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
    };

/** A place for objects: a directory, or a bucket of an S3 server of its own. */
export interface StorePlace {
  readonly settings: StoreSettings;
  /** The same for programs that are told by their environment. `dataDir` is where the directory `objects` is. */
  readonly env: Readonly<Record<string, string>>;
  open(): ObjectStore;
  /** Where the bytes of an object lie on this machine's disk. */
  fileOf(key: string): string;
  stop(): Promise<void>;
}

const bucket = 'entdb';

export async function startStorePlace(dir: string, s3: boolean): Promise<StorePlace> {
  if (!s3) {
    const directory = join(dir, 'objects');
    mkdirSync(directory, { recursive: true });
    return placeOf({ kind: 'directory', directory }, directory, {
      ENTDB_OBJECT_STORE: 'directory',
    });
  }
  const home = join(dir, 's3');
  const server = await startS3({ dir: home });
  await server.createBucket(bucket);
  const { endpoint, region, credentials } = server;
  return {
    ...placeOf({ kind: 's3', endpoint, region, bucket, credentials }, join(home, 'data', bucket), {
      ENTDB_OBJECT_STORE: 's3',
      ENTDB_S3_BUCKET: bucket,
      ENTDB_S3_ENDPOINT: endpoint,
      ENTDB_S3_REGION: region,
      ENTDB_S3_ACCESS_KEY_ID: credentials.accessKeyId,
      ENTDB_S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    }),
    stop: () => server.stop(),
  };
}

function placeOf(
  settings: StoreSettings,
  files: string,
  env: Readonly<Record<string, string>>,
): StorePlace {
  return {
    settings,
    env,
    open: () => openStoreAt(settings),
    fileOf: (key) => join(files, key),
    stop: async () => {},
  };
}

export function openStoreAt(settings: StoreSettings): ObjectStore {
  if (settings.kind === 'directory')
    return createDirectoryStore({ ...settings, clock: realClock, rng: realRng });
  return createS3Store({ ...settings, clock: realClock, rng: realRng });
}
