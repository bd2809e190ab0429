import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { EntError } from '@entdb/base';

/**
 * `shard.db`: what one applier's volume holds. Small, fsynced at every commit.
 *
 * Guarantees: a tenant is listed here before its files are made, so a missing file is never taken for a new tenant. `checkpoint` of a partition
 * is an offset below which every active tenant's files have been synced: consumption starts there after a crash.
 */
export interface ShardFile {
  /** The next offset to consume, 0 for a partition never seen. */
  checkpoint(partition: number): number;
  /** Moves checkpoints, and says of tenants how far their files are known to be synced. One transaction. */
  saveCheckpoints(
    checkpoints: ReadonlyMap<number, number>,
    synced: ReadonlyMap<string, number>,
  ): void;
  tenants(): readonly KnownTenant[];
  tenant(tenantId: string): KnownTenant | undefined;
  /** Lists tenants whose first record is at the given offset. */
  addTenants(tenants: readonly NewTenant[]): void;
  /** A tenant that is not active has nothing known to be synced. */
  setState(tenantId: string, state: TenantFileState): void;
  /** Whether the file at the path is still the one that was opened: a deleted or replaced volume shows here. */
  intact(): boolean;
  close(): void;
}

export interface NewTenant {
  readonly tenantId: string;
  readonly partition: number;
  readonly firstOffset: number;
}

/**
 * `active`: follows the log. `behind`: its files miss records below the partition's checkpoint, from `fromOffset` on, and it is caught up apart
 * from the others. `quarantined`: stands still for the reason given.
 */
export type TenantFileState =
  | { readonly kind: 'active' }
  | { readonly kind: 'behind'; readonly fromOffset: number }
  | {
      readonly kind: 'quarantined';
      readonly fromOffset: number;
      readonly code: string;
      readonly reason: string;
    };

export interface KnownTenant extends NewTenant {
  readonly state: TenantFileState;
  /** Its files have at least this offset; -1 where nothing is known. Files with less are stale. */
  readonly syncedOffset: number;
}

interface TenantRow {
  readonly tenant_id: string;
  readonly partition: number;
  readonly first_offset: number;
  readonly state: TenantFileState['kind'];
  readonly from_offset: number;
  readonly code: string;
  readonly reason: string;
  readonly synced_offset: number;
}

const format = 1;

const ddl = `
  CREATE TABLE shard (id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, topic TEXT NOT NULL, partitions INTEGER NOT NULL) STRICT;
  CREATE TABLE checkpoints ("partition" INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL) STRICT;
  CREATE TABLE tenants (
    tenant_id TEXT PRIMARY KEY,
    "partition" INTEGER NOT NULL,
    first_offset INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'active',
    from_offset INTEGER NOT NULL DEFAULT 0,
    code TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    synced_offset INTEGER NOT NULL DEFAULT -1
  ) STRICT, WITHOUT ROWID;
`;

export interface ShardFileOptions {
  readonly dir: string;
  readonly topic: string;
  /** Of the topic. Refused with TOPIC_MISMATCH where it is not the number that the file was made with. */
  readonly partitions: number;
}

export function openShardFile({ dir, topic, partitions }: ShardFileOptions): ShardFile {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'shard.db');
  const db = new Database(path, { timeout: 5_000 });
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    makeOrCheck(db, path, topic, partitions);
  } catch (error) {
    db.close();
    throw error;
  }
  const inode = statSync(path).ino;
  const readCheckpoint = db
    .prepare<[number], number>('SELECT next_offset FROM checkpoints WHERE "partition" = ?')
    .pluck();
  const saveCheckpoint = db.prepare(
    'INSERT INTO checkpoints VALUES (?, ?) ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset',
  );
  const readTenant = db.prepare<[string], TenantRow>('SELECT * FROM tenants WHERE tenant_id = ?');
  const readTenants = db.prepare<[], TenantRow>('SELECT * FROM tenants ORDER BY tenant_id');
  const addTenant = db.prepare(
    'INSERT INTO tenants (tenant_id, "partition", first_offset) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const updateState = db.prepare(
    'UPDATE tenants SET state = ?, from_offset = ?, code = ?, reason = ?, synced_offset = -1 WHERE tenant_id = ?',
  );
  const updateSynced = db.prepare(
    `UPDATE tenants SET synced_offset = ? WHERE tenant_id = ? AND state = 'active'`,
  );
  const saveAll = db.transaction(
    (checkpoints: ReadonlyMap<number, number>, synced: ReadonlyMap<string, number>) => {
      for (const [partition, nextOffset] of checkpoints) saveCheckpoint.run(partition, nextOffset);
      for (const [tenantId, offset] of synced) updateSynced.run(offset, tenantId);
    },
  );
  const addAll = db.transaction((tenants: readonly NewTenant[]) => {
    for (const { tenantId, partition, firstOffset } of tenants)
      addTenant.run(tenantId, partition, firstOffset);
  });
  return {
    checkpoint: (partition) => readCheckpoint.get(partition) ?? 0,
    saveCheckpoints: (checkpoints, synced) => saveAll.immediate(checkpoints, synced),
    tenants: () => readTenants.all().map(fromRow),
    tenant: (tenantId) => {
      const row = readTenant.get(tenantId);
      return row && fromRow(row);
    },
    addTenants: (tenants) => addAll.immediate(tenants),
    setState: (tenantId, state) => {
      const fromOffset = state.kind === 'active' ? 0 : state.fromOffset;
      const { code, reason } = state.kind === 'quarantined' ? state : { code: '', reason: '' };
      updateState.run(state.kind, fromOffset, code, reason, tenantId);
    },
    intact: () => existsSync(path) && statSync(path).ino === inode,
    close: () => db.close(),
  };
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
  if (!row)
    throw new EntError('STORE_CORRUPT', `${path} has lost its first row`, {
      hint: 'move the volume aside: the applier rebuilds it',
    });
  if (row.format !== format)
    throw new EntError(
      'UNKNOWN_FORMAT',
      `${path} is of format ${row.format}; this program knows ${format}`,
      { hint: 'upgrade this service' },
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

function fromRow(row: TenantRow): KnownTenant {
  const {
    tenant_id: tenantId,
    partition,
    first_offset: firstOffset,
    from_offset: fromOffset,
    code,
    reason,
  } = row;
  const state: TenantFileState =
    row.state === 'active'
      ? { kind: 'active' }
      : row.state === 'behind'
        ? { kind: 'behind', fromOffset }
        : { kind: 'quarantined', fromOffset, code, reason };
  return { tenantId, partition, firstOffset, state, syncedOffset: row.synced_offset };
}
