import { constants } from 'node:fs';
import { link, lstat, mkdir, open, realpath, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { EntError, realClock, realRng, type Clock, type Rng } from '@entdb/base';
import type { Backend, OpenObject } from '../backend.ts';
import { notFound } from '../faults.ts';
import type { ObjectKey } from '../object-key.ts';
import type { ObjectStore } from '../object-store.ts';
import { storeOver } from '../store-over.ts';
import { diskFault, errnoOf } from './disk-faults.ts';
import {
  assertInside,
  makeFolders,
  pathOf,
  pruneFolders,
  syncFolder,
  syncFolders,
  throughLink,
} from './paths.ts';
import { createStaging } from './staging.ts';
import { foldersBelow, walk } from './walk.ts';

export interface DirectoryStoreOptions {
  /** Made by the first write. A store that only reads refuses to take a missing folder for an empty one. */
  readonly directory: string;
  readonly clock?: Clock;
  readonly rng?: Rng;
}

const chunkBytes = 256 * 1024;
/** How often a folder may be removed, as empty, by another process between our making it and our using it. */
const attemptsMax = 10;

/**
 * Objects as plain files: `archive/acme/x` is that path below the directory. A write is a file in `.staging`, synced, and then linked under its name: link(2)
 * never replaces, so of many processes exactly one wins, and a name never stands for half an object. Then the folders are synced.
 */
export function createDirectoryStore(options: DirectoryStoreOptions): ObjectStore {
  const { clock = realClock, rng = realRng } = options;
  const directory = resolve(options.directory);

  const existing = async (): Promise<string> => {
    try {
      return await realpath(directory);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      throw new EntError('OBJECT_STORE_DENIED', `there is no object store in ${directory}`, {
        hint: 'check the path (ENTDB_DATA_DIR); the first process that writes objects makes the folder',
        cause: error,
      });
    }
  };
  let staging: ReturnType<typeof prepareStaging> | undefined;
  const prepareStaging = async () => {
    const first = await mkdir(directory, { recursive: true });
    for (let made = directory; first !== undefined && made !== dirname(first); made = dirname(made))
      await syncFolder(dirname(made));
    const made = createStaging(await realpath(directory), { clock, rng });
    await made.prepare();
    return made;
  };
  const preparedStaging = () => {
    staging ??= prepareStaging().catch((error: unknown) => {
      staging = undefined; // the next write tries again
      throw error;
    });
    return staging;
  };

  const backend: Backend = {
    kind: 'directory',

    create: (key, content, signal) =>
      attempt(`write ${key}`, async () => {
        const prepared = await preparedStaging();
        const root = await existing();
        return prepared.withFile(content, signal, (path) => place(root, path, pathOf(root, key)));
      }),

    open: (key, range) =>
      attempt(`read ${key}`, async () => {
        const root = await existing();
        const file = await openFile(root, key);
        try {
          const facts = await file.stat();
          if (!facts.isFile()) throw notFound(key);
          const offset = range?.offset ?? 0;
          const size = Math.max(0, Math.min(facts.size - offset, range?.length ?? Infinity));
          return { size, chunks: chunksOf(key, file, offset, size), close: () => file.close() };
        } catch (error) {
          await file.close();
          throw error;
        }
      }),

    stat: (key) =>
      attempt(`look at ${key}`, async () => {
        const root = await existing();
        const path = pathOf(root, key);
        try {
          await assertInside(path);
          const facts = await lstat(path);
          if (facts.isSymbolicLink()) throw throughLink(path);
          if (!facts.isFile()) return undefined;
          return { size: facts.size, modifiedMs: Math.floor(facts.mtimeMs) };
        } catch (error) {
          if (isAbsent(error)) return undefined;
          throw error;
        }
      }),

    list: ({ prefix, startAfter }) =>
      attemptEach(`list ${prefix}`, async function* () {
        const root = await existing();
        await assertPrefixInside(root, prefix);
        yield* walk(root, prefix, startAfter);
      }),

    folders: (prefix) =>
      attemptEach(`list ${prefix}`, async function* () {
        const root = await existing();
        await assertPrefixInside(root, prefix);
        yield* foldersBelow(root, prefix);
      }),

    remove: (key) =>
      attempt(`remove ${key}`, async () => {
        const root = await existing();
        const path = pathOf(root, key);
        try {
          await assertInside(path);
          if ((await lstat(path)).isDirectory()) return; // a folder is no object
          await unlink(path);
          await syncFolder(dirname(path));
        } catch (error) {
          if (!isAbsent(error)) throw error;
        }
        await pruneFolders(root, path);
      }),

    close: async () => {},
  };
  return storeOver(backend, { rng });
}

/** Gives the staged file its name, unless the name is taken. */
async function place(root: string, staged: string, path: string): Promise<'created' | 'exists'> {
  for (let left = attemptsMax; ; left -= 1) {
    try {
      await makeFolders(root, path);
      await assertInside(path);
      await link(staged, path);
      await syncFolders(root, path);
      return 'created';
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return alreadyThere(root, path);
      if (errnoOf(error) !== 'ENOENT' || left === 0) throw error;
    }
  }
}

async function alreadyThere(root: string, path: string): Promise<'exists'> {
  const there = await lstat(path);
  if (there.isSymbolicLink()) throw throughLink(path);
  if (there.isDirectory())
    throw new EntError('INVALID_OBJECT_KEY', `${path} is a folder: it cannot be an object too`);
  await syncFolders(root, path); // its writer may not have come to it yet
  return 'exists';
}

async function openFile(root: string, key: ObjectKey) {
  const path = pathOf(root, key);
  try {
    await assertInside(path);
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isAbsent(error)) throw notFound(key);
    if (errnoOf(error) === 'ELOOP') throw throughLink(path);
    throw error;
  }
}

async function assertPrefixInside(root: string, prefix: string): Promise<void> {
  try {
    await assertInside(resolve(root, `${prefix}x`));
  } catch (error) {
    if (!isAbsent(error)) throw error; // nothing there is nothing to list
  }
}

async function* chunksOf(
  key: ObjectKey,
  file: Awaited<ReturnType<typeof openFile>>,
  offset: number,
  size: number,
): OpenObject['chunks'] & AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < size;) {
    const chunk = Buffer.allocUnsafeSlow(Math.min(chunkBytes, size - at));
    const { bytesRead } = await attempt(`read ${key}`, () =>
      file.read(chunk, 0, chunk.length, offset + at),
    );
    if (bytesRead === 0) return; // shorter than it was: the reader's count will tell
    at += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

function isAbsent(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
}

async function attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskFault(error, what);
  }
}

async function* attemptEach<T>(
  what: string,
  work: () => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* work();
  } catch (error) {
    throw diskFault(error, what);
  }
}
