import { lstat, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Rng } from '@entdb/base';
import type { Content } from '../content.ts';
import { errnoOf } from './disk-faults.ts';

const pieceBytes = 1024 * 1024;
/** Whatever is older was left by a process that died: no write takes that long. */
const leftoverAgeMs = 24 * 3_600_000;

/** The folder of files that are being written. No key begins with a dot, so it meets no object, and no listing sees it. */
export function createStaging(
  root: string,
  { clock, rng }: { readonly clock: Clock; readonly rng: Rng },
) {
  const folder = join(root, '.staging');
  return {
    /** Makes the folder, and removes what dead processes left in it. */
    prepare: async (): Promise<void> => {
      await mkdir(folder, { recursive: true });
      for (const name of await readdir(folder)) {
        const path = join(folder, name);
        const age = await lstat(path).then(
          ({ mtimeMs }) => clock.now() - mtimeMs,
          (error: unknown) => {
            if (errnoOf(error) === 'ENOENT') return 0; // another process has just finished with it
            throw error;
          },
        );
        if (age > leftoverAgeMs) await rm(path, { force: true });
      }
    },
    /** Writes the content to a file of its own, durably, and hands its path on; the file is gone afterwards. */
    withFile: async <T>(
      content: Content,
      signal: AbortSignal,
      use: (path: string) => Promise<T>,
    ): Promise<T> => {
      const path = join(folder, Buffer.from(rng.bytes(16)).toString('hex'));
      try {
        await mkdir(folder, { recursive: true });
        const file = await open(path, 'wx', 0o444); // objects never change, and their mode says so
        try {
          for await (const piece of content.pieces(pieceBytes, signal)) await file.writeFile(piece);
          await file.sync();
        } finally {
          await file.close();
        }
        signal.throwIfAborted();
        return await use(path);
      } finally {
        await rm(path, { force: true });
      }
    },
  };
}
