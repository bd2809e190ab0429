import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { EntError } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { oneAhead } from './map-bounded.ts';

/** Makes a file or a folder survive a power loss. */
export function fsyncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export function isEmptyFolder(path: string): boolean {
  return !existsSync(path) || readdirSync(path).length === 0;
}

/**
 * The last connection to a file moves what is in its -wal into it and removes it. Where that did not happen the file alone is not whole, and must not be
 * given out; and a side file of an earlier file would be taken for this one's, and corrupt it.
 */
export function assertClosed(dir: string, names: readonly string[]): void {
  const left = names
    .flatMap((name) => ['-wal', '-shm', '-journal'].map((side) => name + side))
    .find((name) => existsSync(join(dir, name)));
  if (left === undefined) return;
  throw new EntError(
    'STORE_UNAVAILABLE',
    `SQLite could not close the restored files: ${left} is still there`,
    {
      hint: 'is another program looking into the folder? run the same command again',
    },
  );
}

export interface ExpectedObject {
  readonly key: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Fetches an object into a new file, in bounded memory, and syncs it. SNAPSHOT_CORRUPT unless every byte is as expected: nothing is to be opened
 * before that is known.
 */
export async function download(
  store: ObjectStore,
  { key, bytes, sha256 }: ExpectedObject,
  path: string,
  call: { readonly signal?: AbortSignal },
): Promise<void> {
  const hash = createHash('sha256');
  let size = 0;
  const file = await open(path, 'w');
  try {
    // The next piece arrives, and this one is written, while it is hashed here.
    for await (const chunk of oneAhead(store.readStream(key, call))) {
      size += chunk.byteLength;
      if (size > bytes) break;
      const written = file.writeFile(chunk);
      hash.update(chunk);
      await written;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  assertObject(key, bytes, sha256, size, hash.digest('hex'));
}

/** Reads an object to its end, and holds it against what it must be. */
export async function checkObject(
  store: ObjectStore,
  { key, bytes, sha256 }: ExpectedObject,
  call: { readonly signal?: AbortSignal },
): Promise<void> {
  const actual = await hashChunks(store.readStream(key, call));
  assertObject(key, bytes, sha256, actual.bytes, actual.sha256);
}

function assertObject(
  key: string,
  bytes: number,
  sha256: string,
  size: number,
  actual: string,
): void {
  if (size === bytes && actual === sha256) return;
  const what =
    size === bytes ? 'it does not match its SHA-256' : `${size} bytes or more, not ${bytes}`;
  throw new EntError('SNAPSHOT_CORRUPT', `${key}: ${what}`, {
    metadata: { object: key },
    hint: 'an earlier snapshot, or the archive alone, leads to the same state',
  });
}

/** SHA-256 and size of a file, read in pieces. */
export async function hashFile(
  path: string,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const file = await open(path, 'r');
  try {
    return await hashChunks(file.createReadStream({ highWaterMark: 1024 * 1024 }));
  } finally {
    await file.close();
  }
}

/** SHA-256 and size of what comes in pieces. */
export async function hashChunks(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of oneAhead(chunks)) {
    bytes += chunk.byteLength;
    hash.update(chunk);
  }
  return { bytes, sha256: hash.digest('hex') };
}

const diskCodes = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO', 'EROFS', 'EACCES', 'EPERM'];

/** What the disk refuses is STORE_UNAVAILABLE; everything else passes as it is. */
export function asDiskError(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (!diskCodes.includes(String(error.code))) return error;
  return new EntError('STORE_UNAVAILABLE', `${what}: ${error.message}`, {
    cause: error,
    hint: 'free space or mend the disk, then run the same command again; nothing was changed',
  });
}
