import { join } from 'node:path';
import type { ObjectStoreSettings } from '@entdb/config';
import { createDirectoryStore, createS3Store, type ObjectStore } from '@entdb/object-store';
import type { Ports } from './open-log.ts';
import { patiently } from './patiently.ts';

/** The object store that the settings name, for who only reads. Connects to nothing yet. */
export function objectStoreOf(
  settings: ObjectStoreSettings,
  { clock, rng }: Pick<Ports, 'clock' | 'rng'>,
): ObjectStore {
  if (settings.objectStore === 'directory')
    return createDirectoryStore({ directory: join(settings.dataDir, 'objects'), clock, rng });
  const { s3Bucket, s3Endpoint, s3Region, s3Prefix, s3AccessKeyId, s3SecretAccessKey } = settings;
  return createS3Store({
    bucket: s3Bucket ?? '', // a check of the settings has seen to it
    allowNoConditionalCreate: settings.s3AllowNoConditionalCreate,
    clock,
    rng,
    ...(s3Endpoint !== undefined && { endpoint: s3Endpoint }),
    ...(s3Region !== undefined && { region: s3Region }),
    ...(s3Prefix !== undefined && { prefix: s3Prefix }),
    ...(s3AccessKeyId !== undefined &&
      s3SecretAccessKey !== undefined && {
        credentials: { accessKeyId: s3AccessKeyId, secretAccessKey: s3SecretAccessKey },
      }),
  });
}

/**
 * Opens the object store for who writes, and refuses to go on unless it keeps its promises: OBJECT_STORE_DENIED or OBJECT_STORE_UNSAFE, each with the remedy. A
 * store that is not there yet is waited for, until the signal.
 */
export async function openObjectStore(
  settings: ObjectStoreSettings,
  ports: Ports,
  signal: AbortSignal,
): Promise<ObjectStore> {
  const store = objectStoreOf(settings, ports);
  try {
    const { conditionalCreate } = await patiently(
      'opening the object store',
      () => store.probe({ signal }),
      { ...ports, signal },
    );
    if (conditionalCreate === 'emulated')
      ports.logger.warn(
        { bucket: settings.s3Bucket },
        'the object store ignores If-None-Match; this is tolerated',
      );
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}
