import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compareKeys } from '../object-key.ts';
import type { ObjectEntry } from '../object-store.ts';
import { errnoOf } from './disk-faults.ts';
import { throughLink } from './paths.ts';

/** An entry of a folder. The key of a folder ends with `/`, so that sorting the keys of one folder sorts all that is below them. */
interface Item {
  readonly key: string;
  readonly folder: boolean;
}

/** What lies right below a folder, in the order of the keys. Names that begin with a dot are not ours. */
async function itemsOf(root: string, folder: string): Promise<readonly Item[]> {
  const path = join(root, folder);
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  });
  return entries
    .filter(({ name }) => !name.startsWith('.'))
    .map((entry) => {
      if (entry.isDirectory()) return { key: `${folder}${entry.name}/`, folder: true };
      if (entry.isFile()) return { key: `${folder}${entry.name}`, folder: false };
      throw throughLink(join(path, entry.name)); // or something stranger; never passed over
    })
    .toSorted((a, b) => compareKeys(a.key, b.key));
}

/** The objects below a prefix, in order, with one folder of each level in memory. */
export async function* walk(
  root: string,
  prefix: string,
  startAfter: string,
): AsyncGenerator<ObjectEntry, void, undefined> {
  yield* walkFolder(root, prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix, startAfter);
}

async function* walkFolder(
  root: string,
  folder: string,
  prefix: string,
  startAfter: string,
): AsyncGenerator<ObjectEntry, void, undefined> {
  for (const item of await itemsOf(root, folder)) {
    if (!item.key.startsWith(prefix)) continue;
    // All keys of a folder come after the folder's own, and before any key that is greater without beginning with it.
    const passed = compareKeys(item.key, startAfter) <= 0;
    if (item.folder) {
      if (!passed || startAfter.startsWith(item.key))
        yield* walkFolder(root, item.key, prefix, startAfter);
    } else if (!passed) {
      const entry = await entryOf(root, item.key);
      if (entry) yield entry;
    }
  }
}

async function entryOf(root: string, key: string): Promise<ObjectEntry | undefined> {
  try {
    const { size, mtimeMs } = await lstat(join(root, key));
    return { key, size, modifiedMs: Math.floor(mtimeMs) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined; // removed since the folder was read
    throw error;
  }
}

/** The folders right below, without those that hold no object. */
export async function* foldersBelow(
  root: string,
  prefix: string,
): AsyncGenerator<string, void, undefined> {
  for (const item of await itemsOf(root, prefix)) {
    if (!item.folder) continue;
    const first = await walk(root, item.key, '').next();
    if (first.done !== true) yield item.key;
  }
}
