import { join } from 'node:path';
import { realClock, realRng } from '@entdb/base';
import { createDirectoryStore, createS3Store, type ObjectStore } from '@entdb/object-store';
import type { S3Server } from '@entdb/deploy/s3';

/** Where objects are kept: the store as the test sees it, and what tells a program of the same. */
export interface Place {
  readonly store: ObjectStore;
  readonly env: Readonly<Record<string, string>>;
}

/** `dir` is the data folder of the program. */
export type OpenPlace = (dir: string) => Promise<Place>;

export const inDirectory: OpenPlace = async (dir) => ({
  store: createDirectoryStore({ directory: join(dir, 'objects'), clock: realClock, rng: realRng }),
  env: {},
});

/** A prefix of its own for each place, in one bucket. */
export function onS3(server: () => S3Server, bucket: string): OpenPlace {
  let places = 0;
  return async () => {
    const { endpoint, credentials } = server();
    const prefix = `place-${(places += 1)}`;
    return {
      store: createS3Store({
        bucket,
        endpoint,
        credentials,
        prefix,
        clock: realClock,
        rng: realRng,
      }),
      env: {
        ENTDB_OBJECT_STORE: 's3',
        ENTDB_S3_BUCKET: bucket,
        ENTDB_S3_ENDPOINT: endpoint,
        ENTDB_S3_PREFIX: prefix,
        ENTDB_S3_ACCESS_KEY_ID: credentials.accessKeyId,
        ENTDB_S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      },
    };
  };
}
