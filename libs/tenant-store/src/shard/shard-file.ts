import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { EntError } from '@entdb/base';
import { asStoreError } from '../sqlite/open.ts';
import type { KnownTenant } from './known-tenant.ts';
import { assertHash, hashOf, tenantFromRow, tenantValues, type TenantRow } from './shard-rows.ts';

/**
 * `shard.db`: what one applier's volume holds. Small, fsynced at every commit, locked for as long as it is open, each row with
 * its checksum. All methods throw STORE_UNAVAILABLE when the disk refuses.
 *
 * Guarantees: a tenant is listed here before its files are made, so a missing file is never taken for a new tenant. `checkpoint` of a partition
 * is an offset below which every active tenant's files have been synced: consumption starts there after a crash.
 */
export interface ShardFile {
  /** The next offset to consume, 0 for a partition never seen. */
  checkpoint(partition: number): number;
  /** As they were when the file was opened. */
  readonly tenants: readonly KnownTenant[];
  /** Writes tenants as they are from now on, and moves checkpoints. One transaction. */
  save(tenants: readonly KnownTenant[], checkpoints?: ReadonlyMap<number, number>): void;
  /** Whether the file at the path is still the one that was opened: a deleted or replaced volume shows here. */
  intact(): boolean;
  close(): void;
}

interface CheckpointRow {
  readonly partition: number;
  readonly next_offset: number;
  readonly hash: string;
}

const format = 3;

const ddl = `
  CREATE TABLE shard (id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, topic TEXT NOT NULL, partitions INTEGER NOT NULL) STRICT;
  CREATE TABLE checkpoints ("partition" INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
  CREATE TABLE tenants (
    tenant_id TEXT PRIMARY KEY,
    "partition" INTEGER NOT NULL,
    first_offset INTEGER NOT NULL,
    state TEXT NOT NULL,
    from_offset INTEGER NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    synced_offset INTEGER NOT NULL,
    adopts BLOB NOT NULL,
    adopts_time_ms INTEGER NOT NULL,
    hash TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

export interface ShardFileOptions {
  readonly dir: string;
  readonly topic: string;
  /** Of the topic. Refused with TOPIC_MISMATCH where it is not the number that the file was made with. */
  readonly partitions: number;
}

export const shardFileName = 'shard.db';

/** Throws STORE_CORRUPT, STORE_UNAVAILABLE (another process has it open, too), TOPIC_MISMATCH, UNKNOWN_FORMAT. */
export function openShardFile({ dir, topic, partitions }: ShardFileOptions): ShardFile {
  const path = join(dir, shardFileName);
  const db = openLocked(dir, path);
  try {
    makeOrCheck(db, path, topic, partitions);
    return shardFileOn(db, path);
  } catch (error) {
    db.close();
    throw asStoreError(error);
  }
}

/** Two processes on one volume would both apply, each behind the other's back: the second is refused. */
function openLocked(dir: string, path: string): Database.Database {
  try {
    mkdirSync(dir, { recursive: true });
  } catch (cause) {
    throw new EntError('STORE_UNAVAILABLE', `the folder ${dir} cannot be made`, { cause });
  }
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { timeout: 5_000 });
    db.pragma('locking_mode = EXCLUSIVE');
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    return db;
  } catch (cause) {
    db?.close();
    const error = asStoreError(cause);
    if (error.code !== 'STORE_UNAVAILABLE') throw error;
    throw new EntError(error.code, `${path} cannot be opened: ${error.message}`, {
      cause,
      hint: 'see that no other applier runs on this volume, and that the folder may be written',
    });
  }
}

function shardFileOn(db: Database.Database, path: string): ShardFile {
  const inode = statSync(path).ino;
  const checkpoints = new Map<number, number>();
  for (const row of db.prepare<[], CheckpointRow>('SELECT * FROM checkpoints').all()) {
    assertHash(path, row.hash, [row.partition, row.next_offset]);
    checkpoints.set(row.partition, row.next_offset);
  }
  const tenants = db
    .prepare<[], TenantRow>('SELECT * FROM tenants ORDER BY tenant_id')
    .all()
    .map((row) => tenantFromRow(path, row));

  const writeCheckpoint = db.prepare('INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)');
  const writeTenant = db.prepare(
    'INSERT OR REPLACE INTO tenants VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const saveAll = db.transaction(
    (changed: readonly KnownTenant[], moved: ReadonlyMap<number, number>) => {
      for (const checkpoint of moved) writeCheckpoint.run(...checkpoint, hashOf(checkpoint));
      for (const tenant of changed) {
        const values = tenantValues(tenant);
        writeTenant.run(...values, hashOf(values));
      }
    },
  );
  return {
    checkpoint: (partition) => checkpoints.get(partition) ?? 0,
    tenants,
    save: (changed, moved = new Map()) => guarded(() => saveAll.immediate(changed, moved)),
    intact: () => existsSync(path) && statSync(path).ino === inode,
    close: () => db.close(),
  };
}

function guarded(work: () => void): void {
  try {
    work();
  } catch (error) {
    throw asStoreError(error);
  }
}

function makeOrCheck(db: Database.Database, path: string, topic: string, partitions: number): void {
  const made = db.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'shard'`).get();
  if (!made) {
    const make = db.transaction(() => {
      db.exec(ddl);
      db.prepare('INSERT INTO shard VALUES (1, ?, ?, ?)').run(format, topic, partitions);
    });
    make.immediate();
    return;
  }
  const row = db
    .prepare<[], { format: number; topic: string; partitions: number }>(
      'SELECT format, topic, partitions FROM shard',
    )
    .get();
  if (!row) throw new EntError('STORE_CORRUPT', `${path} has lost its first row`);
  if (row.format !== format)
    throw new EntError(
      'UNKNOWN_FORMAT',
      `${path} is of format ${row.format}; this program knows ${format}`,
      { hint: 'run the version that wrote it, or move the volume aside: the applier rebuilds it' },
    );
  if (row.topic !== topic || row.partitions !== partitions) {
    throw new EntError(
      'TOPIC_MISMATCH',
      `${path} was made for ${row.topic} with ${row.partitions} partitions, not ${topic} with ${partitions}`,
      {
        hint: 'a topic keeps its number of partitions for life; start with the settings and the log that this volume belongs to',
      },
    );
  }
}
