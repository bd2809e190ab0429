import { constants } from 'node:fs';
import { lstat, mkdir, open, realpath, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EntError } from '@entdb/base';
import type { ObjectKey } from '../object-key.ts';
import { errnoOf } from './disk-faults.ts';

/** Where a key stands below the root. Keys have no `..`, so only a symbolic link could lead out; `assertInside` and `makeFolders` refuse those. */
export function pathOf(root: string, key: ObjectKey): string {
  return join(root, ...key.split('/'));
}

/** Refuses a path with a symbolic link in its folders. The root itself may be reached through one. Rejects with ENOENT where there is no folder. */
export async function assertInside(path: string): Promise<void> {
  const folder = dirname(path);
  if ((await realpath(folder)) !== folder) throw throughLink(folder);
}

export function throughLink(path: string): EntError {
  return new EntError('OBJECT_STORE_UNSAFE', `${path} is or leads through a symbolic link`, {
    hint: 'remove the link: objects are plain files in plain folders',
  });
}

/** The folders from the root to the one of the path, the root first. */
function foldersTo(root: string, path: string): readonly string[] {
  const folder = dirname(path);
  return folder === root ? [root] : [...foldersTo(root, folder), folder];
}

/** Makes the folders of the path that are missing, one by one: `recursive` would go through a link. */
export async function makeFolders(root: string, path: string): Promise<void> {
  for (const folder of foldersTo(root, path).slice(1)) {
    try {
      await mkdir(folder);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      const there = await lstat(folder);
      if (there.isSymbolicLink()) throw throughLink(folder);
      if (!there.isDirectory())
        throw new EntError(
          'INVALID_OBJECT_KEY',
          `${folder} is an object: it cannot be a folder too`,
          {
            cause: error,
          },
        );
    }
  }
}

/**
 * Makes the names from the root to the path durable. All of them each time: another writer may have made a folder and not yet synced it, and a
 * folder that is durable already costs next to nothing.
 */
export async function syncFolders(root: string, path: string): Promise<void> {
  for (const folder of foldersTo(root, path).toReversed()) await syncFolder(folder);
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes the folders of the path that are empty now; stores with buckets do not know empty folders. */
export async function pruneFolders(root: string, path: string): Promise<void> {
  for (const folder of foldersTo(root, path).slice(1).toReversed()) {
    try {
      await rmdir(folder);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') continue; // another process was quicker
      if (errnoOf(error) === 'ENOTEMPTY' || errnoOf(error) === 'EEXIST') return;
      throw error;
    }
  }
}
