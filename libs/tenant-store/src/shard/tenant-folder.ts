import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EntError } from '@entdb/base';
import { fsyncPath } from '../sqlite/create.ts';

/** Copies of one tenant's files that are kept for a look later. */
const copiesMax = 3;

export function tenantDir(dir: string, tenantId: string): string {
  return join(dir, 'tenants', tenantId);
}

/** What tells the tenant's files from others under the same names; undefined while one of them is missing. */
export function identityOf(dir: string, tenantId: string): string | undefined {
  const inodes = ['canonical.db', 'mailbox.db'].map(
    (name) => statSync(join(tenantDir(dir, tenantId), name), { throwIfNoEntry: false })?.ino,
  );
  return inodes.includes(undefined) ? undefined : inodes.join('/');
}

/**
 * Takes the tenant's files out of the way. The newest few copies are kept; names count up, because nothing here reads a clock.
 * Throws STORE_UNAVAILABLE.
 */
export function moveAside(dir: string, tenantId: string): void {
  const from = tenantDir(dir, tenantId);
  const aside = join(dir, 'quarantine');
  try {
    if (!existsSync(from)) return;
    mkdirSync(aside, { recursive: true });
    const copies = readdirSync(aside)
      .filter((name) => name.startsWith(`${tenantId}.`))
      .map((name) => Number(name.slice(tenantId.length + 1)))
      .sort((a, b) => a - b);
    renameSync(from, join(aside, `${tenantId}.${(copies.at(-1) ?? 0) + 1}`));
    for (const old of copies.slice(0, Math.max(0, copies.length + 1 - copiesMax)))
      rmSync(join(aside, `${tenantId}.${old}`), { recursive: true });
  } catch (cause) {
    throw new EntError('STORE_UNAVAILABLE', 'the files of a tenant cannot be moved aside', {
      tenantId,
      cause,
    });
  }
}

const replacedDir = (dir: string) => join(dir, 'replaced');

/**
 * Puts a folder that was made elsewhere on this file system in the place of the tenant's. A crash in between leaves the tenant without files, or with those that it had; never
 * with a mixture. Throws STORE_UNAVAILABLE: the same call may be made again.
 */
export function replaceFolder(dir: string, tenantId: string, prepared: string): void {
  const own = tenantDir(dir, tenantId);
  const aside = join(replacedDir(dir), tenantId);
  try {
    mkdirSync(dirname(own), { recursive: true });
    mkdirSync(replacedDir(dir), { recursive: true });
    // A call before this one may have come so far.
    if (existsSync(prepared)) {
      rmSync(aside, { recursive: true, force: true });
      if (existsSync(own)) renameSync(own, aside);
      renameSync(prepared, own);
    }
    fsyncPath(dirname(own));
    rmSync(aside, { recursive: true, force: true });
  } catch (cause) {
    throw new EntError('STORE_UNAVAILABLE', 'prepared files cannot be put in their place', {
      tenantId,
      cause,
      hint: 'they must be on the same file system as the volume, which must take writes',
    });
  }
}

/** What replaced folders a crash has left. */
export function removeReplaced(dir: string): void {
  rmSync(replacedDir(dir), { recursive: true, force: true });
}
