import { realRng } from '@entdb/base';
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { MultisetHash } from '../multiset-hash.ts';
import { metaHash, type MetaRow } from '../rows.ts';
import { fileFormat } from './ddl.ts';
import { asStoreError } from './open.ts';

const sideFiles = ['-wal', '-shm', '-journal'] as const;

/**
 * Makes a tenant file that has no history yet. It appears under its name whole and on disk, or not at all: a crash leaves no empty file that
 * would later look like damage, and a leftover -wal of an earlier file cannot get into it.
 */
export function createTenantFile(path: string, ddl: string, tenantId: string): void {
  const draft = `${path}.new`;
  for (const stale of [
    draft,
    ...sideFiles.map((side) => draft + side),
    ...sideFiles.map((side) => path + side),
  ])
    rmSync(stale, { force: true });
  try {
    const db = new Database(draft);
    try {
      db.pragma('synchronous = OFF'); // one fsync below is enough
      db.pragma('journal_mode = WAL');
      db.transaction(() => {
        db.exec(ddl);
        insertMeta(db, tenantId);
      }).immediate();
    } finally {
      db.close();
    }
    fsyncPath(draft);
    renameSync(draft, path);
    fsyncPath(dirname(path));
  } catch (cause) {
    if (existsSync(draft)) rmSync(draft, { force: true });
    throw asStoreError(cause);
  }
}

/** A fresh file begins its first epoch before the first record; which record makes the tenant is for the log to say. */
function insertMeta(db: Database.Database, tenantId: string): void {
  const meta: Omit<MetaRow, 'hash'> = {
    format: fileFormat,
    tenant_id: tenantId,
    file_id: Buffer.from(realRng.bytes(16)).toString('hex'),
    state: 'absent',
    topic: '',
    partition: 0,
    offset: -1,
    epoch: 1,
    sequence: 0,
    log_time_us: 0,
    erased_sequence: 0,
    digest: new MultisetHash().bytes(),
  };
  db.prepare(
    `INSERT INTO meta (id, format, tenant_id, file_id, state, topic, "partition", "offset", epoch, sequence, log_time_us, erased_sequence, digest, hash)
     VALUES (1, @format, @tenant_id, @file_id, @state, @topic, @partition, @offset, @epoch, @sequence, @log_time_us, @erased_sequence, @digest, @hash)`,
  ).run({ ...meta, hash: metaHash(meta) });
}

/** For files and folders alike. Never for a file that SQLite locks: closing any descriptor of it would drop the locks of the process. */
export function fsyncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
