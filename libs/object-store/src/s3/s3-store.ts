import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { realClock, realRng } from '@entdb/base';
import type { Backend } from '../backend.ts';
import { parseObjectKey } from '../object-key.ts';
import type { ObjectStore } from '../object-store.ts';
import { storeOver } from '../store-over.ts';
import { createClient } from './client.ts';
import { createByLooking, createNatively } from './create.ts';
import { listFolders, listObjects } from './list.ts';
import { defaultLimits, defaultTiming, type S3StoreOptions } from './options.ts';
import { openObject, statObject } from './read.ts';
import { s3Fault } from './s3-faults.ts';
import { addressOf, type Session } from './session.ts';

/** Objects in a bucket of S3, or of any server that speaks its protocol. Connects to nothing before the first call. */
export function createS3Store(options: S3StoreOptions): ObjectStore {
  const timing = { ...defaultTiming, ...options.timing };
  const limits = { ...defaultLimits, ...options.limits };
  const session: Session = {
    client: createClient(options, timing, limits.attemptsMax),
    bucket: options.bucket,
    prefix: options.prefix === undefined ? '' : `${parseObjectKey(options.prefix)}/`,
    timing,
    limits,
    clock: options.clock ?? realClock,
    rng: options.rng ?? realRng,
  };
  let create = createNatively;

  const backend: Backend = {
    kind: 's3',
    create: (key, content, signal) => create(session, key, content, signal),
    open: (key, range, signal) => openObject(session, key, range, signal),
    stat: (key, signal) => statObject(session, key, signal),
    list: (query, signal) => listObjects(session, query, signal),
    folders: (prefix, signal) => listFolders(session, prefix, signal),
    // One by one: what DeleteObjects demands as a checksum differs from server to server.
    remove: async (key, signal) => {
      const command = new DeleteObjectCommand(addressOf(session, key));
      await session.client.send(command, { abortSignal: signal }).catch((error: unknown) => {
        throw s3Fault(error, `remove ${key} from bucket ${session.bucket}`, signal);
      });
    },
    emulateCreate: options.allowNoConditionalCreate
      ? () => {
          create = createByLooking;
        }
      : undefined,
    close: async () => session.client.destroy(),
  };
  return storeOver(backend, { rng: session.rng });
}
