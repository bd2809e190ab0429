import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EntError, isEntError, parseTenantId } from '@entdb/base';
import { holdFile, type Hold } from '@entdb/tenant-store';
import { fsyncPath, isEmptyFolder } from './files.ts';

/**
 * Where a restore writes:
 *
 *     <output>/<tenant>/                  appears whole, by one rename, or not at all
 *     <output>/.restore-<tenant>/         until then: the base as it arrives, the work, the plan, the lock
 *
 * Guarantees: nothing in `<output>/<tenant>` changes before everything was checked; a folder that a running process owns is refused; two restores of one
 * tenant into one place exclude each other.
 */
export interface Output {
  readonly target: string;
  /** Files that are being fetched. */
  readonly incoming: string;
  /** Complete base files, to which records are applied. */
  readonly work: string;
  readonly planPath: string;
  /** Copies of what is in the target, for a restore that may use it. */
  readonly existing: string;
  /** Puts the work in the place of the target. */
  publish(): void;
  /** Removes everything of the restore but the target. */
  discard(): void;
  /** Ends the exclusion; what is left of the work stays for the next run. */
  release(): void;
}

export interface OutputOptions {
  readonly outputDir: string;
  readonly tenantId: string;
  /** Replaces what is in the target. */
  readonly force: boolean;
  /** The target lies in a volume that the caller itself owns: its `shard.db` is open, and that is as it should be. */
  readonly inOwnVolume?: boolean;
}

/** Throws OUTPUT_NOT_EMPTY, OUTPUT_IN_USE. */
export function openOutput(options: OutputOptions): Output {
  const { outputDir, tenantId, force, inOwnVolume = false } = options;
  parseTenantId(tenantId); // it becomes a part of paths
  mkdirSync(outputDir, { recursive: true });
  const { root, target, folder } = pathsIn(outputDir, tenantId);
  if (!force && !isEmptyFolder(target))
    throw new EntError('OUTPUT_NOT_EMPTY', `${target} is not empty`, {
      tenantId,
      hint: 'choose another folder, or say --force to replace what is there',
    });
  const owners = () => holdOwners(target, tenantId, inOwnVolume ? [] : shardFilesAbove(target));
  owners().forEach((hold) => hold.release());

  mkdirSync(folder, { recursive: true });
  const lock = holdFile(join(folder, 'lock.db'));
  if (!lock) throw inUse(`another restore of tenant ${tenantId} into ${root} is running`, tenantId);

  rmSync(join(folder, publishedName), { force: true }); // of an attempt that ended before its renames

  const work = join(folder, 'work');
  const replaced = join(folder, 'replaced');
  const discard = (): void => {
    lock.release();
    rmSync(folder, { recursive: true, force: true });
    fsyncPath(root);
  };
  return {
    target,
    incoming: join(folder, 'incoming'),
    work,
    planPath: join(folder, 'plan.json'),
    existing: join(folder, 'existing'),
    publish() {
      // Owners are held out until the new files are in place: one that starts in between would open the old ones.
      const holds = owners();
      try {
        if (!force && !isEmptyFolder(target))
          throw new EntError('OUTPUT_NOT_EMPTY', `${target} has been filled meanwhile`, {
            tenantId,
          });
        rmSync(replaced, { recursive: true, force: true });
        // With it and without the work, the files in the target are this restore's.
        writeFileSync(join(folder, publishedName), '');
        fsyncPath(folder);
        if (existsSync(target)) renameSync(target, replaced);
        renameSync(work, target);
        fsyncPath(root);
      } finally {
        for (const hold of holds) hold.release();
      }
    },
    discard,
    release: () => lock.release(),
  };
}

const publishedName = 'published';

function pathsIn(outputDir: string, tenantId: string) {
  const root = realpathSync(outputDir);
  return { root, target: join(root, tenantId), folder: join(root, `.restore-${tenantId}`) };
}

/**
 * The folder of files that a restore has put in their place before it was killed, its own folder removed. undefined where that was not its last step, or where another restore
 * is at work there.
 */
export function settlePublished(outputDir: string, tenantId: string): string | undefined {
  parseTenantId(tenantId); // it becomes a part of paths
  if (!existsSync(outputDir)) return undefined;
  const { root, target, folder } = pathsIn(outputDir, tenantId);
  const isPublished = existsSync(join(folder, publishedName)) && !existsSync(join(folder, 'work'));
  if (!isPublished || !existsSync(target)) return undefined;
  const lock = holdFile(join(folder, 'lock.db'));
  if (!lock) return undefined;
  lock.release();
  rmSync(folder, { recursive: true, force: true });
  fsyncPath(root);
  return target;
}

/**
 * Takes what a running process would have open: the `shard.db` of a volume that the target lies in, which an applier holds from its start to its end, and the
 * target's own files. Throws OUTPUT_IN_USE where one of them is taken.
 */
function holdOwners(
  target: string,
  tenantId: string,
  shardFiles: readonly string[],
): readonly Hold[] {
  const holds: Hold[] = [];
  try {
    for (const path of [...shardFiles, join(target, 'canonical.db'), join(target, 'mailbox.db')]) {
      if (!existsSync(path)) continue;
      const hold = holdSound(path);
      if (hold === 'taken')
        throw inUse(`${path} is open in a running process, which owns ${target}`, tenantId);
      if (hold) holds.push(hold);
    }
    return holds;
  } catch (error) {
    for (const hold of holds) hold.release();
    throw error;
  }
}

/** A file that is not SQLite's is nobody's: no process can have it open as such. */
function holdSound(path: string): Hold | 'taken' | undefined {
  try {
    return holdFile(path) ?? 'taken';
  } catch (error) {
    if (isEntError(error, 'STORE_CORRUPT')) return undefined;
    throw error;
  }
}

function shardFilesAbove(path: string): readonly string[] {
  const parent = dirname(path);
  const own = join(path, 'shard.db');
  return parent === path ? [own] : [own, ...shardFilesAbove(parent)];
}

function inUse(message: string, tenantId: string): EntError {
  return new EntError('OUTPUT_IN_USE', message, {
    tenantId,
    hint: 'restore into another folder; a live tenant is restored in place through the log',
  });
}
