import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { isEntError, type Logger } from '@entdb/base';
import {
  openShardFile,
  shardFileName,
  type ShardFile,
  type ShardFileOptions,
} from './shard-file.ts';

/**
 * Opens the volume's own file. A damaged one is moved aside: it says nothing that the log does not know, and tenant files carry their positions
 * themselves. What it costs is time: every partition is read again from its first record.
 */
export function openVolume(options: ShardFileOptions & { readonly logger: Logger }): ShardFile {
  try {
    return openShardFile(options);
  } catch (error) {
    if (!isEntError(error, 'STORE_CORRUPT')) throw error;
    options.logger.error({ err: error }, 'the file of the shard is damaged: beginning anew');
    moveFilesAside(options.dir);
    return openShardFile(options);
  }
}

function moveFilesAside(dir: string): void {
  const aside = join(dir, 'quarantine');
  mkdirSync(aside, { recursive: true });
  const copy = readdirSync(aside).length + 1;
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    const from = join(dir, shardFileName + suffix);
    if (existsSync(from)) renameSync(from, join(aside, `${shardFileName}.${copy}${suffix}`));
  }
}
