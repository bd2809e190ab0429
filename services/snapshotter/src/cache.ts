import { mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { EntError, isEntError, parseTenantId, type Clock } from '@entdb/base';
import { holdFile } from '@entdb/tenant-store';

/** The working copies of one snapshotter, a folder a tenant. All of it can be lost at any time: it costs a download. */
export interface Cache {
  readonly dir: string;
  /** A tenant's copy is used now. */
  touch(tenantId: string): void;
  /** Removes those that were not used for the longest, until the others fit; those in use stay. Gives the tenants. */
  trim(inUse: (tenantId: string) => boolean): readonly string[];
  close(): void;
}

const lockName = 'lock.db';

/** Takes a folder for this process, and clears away what one that died left half-done. Throws OUTPUT_IN_USE. */
export function openCache(options: {
  readonly dir: string;
  readonly bytesMax: number;
  readonly clock: Clock;
}): Cache {
  const { dir, bytesMax, clock } = options;
  mkdirSync(dir, { recursive: true });
  const hold = holdFile(join(dir, lockName));
  if (!hold)
    throw new EntError('OUTPUT_IN_USE', `another snapshotter works in ${dir}`, {
      hint: 'give each its own ENTDB_SNAPSHOT_CACHE_DIR',
    });
  for (const name of readdirSync(dir))
    if (!isTenantId(name) && !name.startsWith(lockName))
      rmSync(join(dir, name), { recursive: true, force: true });

  const copies = () =>
    readdirSync(dir)
      .filter(isTenantId)
      .map((tenantId) => ({ tenantId, ...folderFacts(join(dir, tenantId)) }))
      .toSorted((a, b) => a.usedMs - b.usedMs);
  return {
    dir,
    touch(tenantId) {
      const now = new Date(clock.now());
      if (readdirSync(dir).includes(tenantId)) utimesSync(join(dir, tenantId), now, now);
    },
    trim(inUse) {
      const all = copies();
      let bytes = all.reduce((sum, copy) => sum + copy.bytes, 0);
      const removed: string[] = [];
      for (const copy of all) {
        if (bytes <= bytesMax) break;
        if (inUse(copy.tenantId)) continue;
        rmSync(join(dir, copy.tenantId), { recursive: true, force: true });
        bytes -= copy.bytes;
        removed.push(copy.tenantId);
      }
      return removed;
    },
    close: () => hold.release(),
  };
}

function isTenantId(name: string): boolean {
  try {
    parseTenantId(name);
    return true;
  } catch (error) {
    if (isEntError(error)) return false;
    throw error;
  }
}

function folderFacts(path: string): { readonly bytes: number; readonly usedMs: number } {
  const sizes = readdirSync(path).map(
    (name) => statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0,
  );
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return { bytes, usedMs: statSync(path).mtimeMs };
}
