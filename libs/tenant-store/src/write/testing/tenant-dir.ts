import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { PlacedRecord, TenantWriter } from '../../store.ts';
import { openTenantWriter } from '../writer.ts';
import { recordAt, tenantId, type RecordParts } from './log.ts';

/** A tenant's folder for tests; goes away with `remove`. */
export interface TenantDir {
  readonly dir: string;
  open(options?: { readonly create?: boolean; readonly check?: 'none' | 'quick' }): TenantWriter;
  /** A copy of the files as they are; no writer may have them open. */
  copy(): TenantDir;
  /** Straight at a file, to look or to damage. */
  sql<Row>(
    file: 'canonical' | 'mailbox',
    text: string,
    ...values: readonly (string | number | Buffer)[]
  ): Row[];
  remove(): void;
}

export function createTenantDir(): TenantDir {
  return tenantDirAt(mkdtempSync(join(tmpdir(), 'entdb-tenant-')));
}

/** A folder that is there already. */
export function tenantDirAt(dir: string): TenantDir {
  return {
    dir,
    open: ({ create = true, check = 'none' } = {}) =>
      openTenantWriter({ dir, tenantId, create, check }),
    copy() {
      const other = mkdtempSync(join(tmpdir(), 'entdb-tenant-'));
      cpSync(dir, other, { recursive: true });
      return tenantDirAt(other);
    },
    sql<Row>(
      file: 'canonical' | 'mailbox',
      text: string,
      ...values: readonly (string | number | Buffer)[]
    ): Row[] {
      const db = new Database(join(dir, `${file}.db`));
      try {
        const statement = db.prepare<unknown[], Row>(text);
        if (statement.reader) return statement.all(...values);
        statement.run(...values);
        return [];
      } finally {
        db.close();
      }
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** Everything that counts in a tenant, row for row: what two materialisations must have alike. */
export function dump(tenant: TenantDir): unknown {
  const rows = (file: 'canonical' | 'mailbox', text: string) => tenant.sql(file, text);
  return {
    nodes: rows(
      'canonical',
      'SELECT id, type, version, created_at, updated_at, fields, hash FROM nodes ORDER BY id',
    ),
    edges: rows('canonical', 'SELECT * FROM edges'),
    unique: rows('canonical', 'SELECT * FROM unique_keys'),
    index: rows('canonical', 'SELECT * FROM field_index'),
    events: rows('canonical', 'SELECT * FROM applied_events'),
    schemas: rows('canonical', 'SELECT * FROM schemas'),
    items: rows(
      'mailbox',
      'SELECT user_id, node_id, type, thread_id, snippet, text, read, delivered_at, hash FROM items ORDER BY user_id, node_id',
    ),
    progress: ['canonical', 'mailbox'].map((file) =>
      rows(
        file as 'canonical' | 'mailbox',
        'SELECT state, topic, "partition", "offset", epoch, sequence, log_time_us, erased_sequence, digest FROM meta',
      ),
    ),
  };
}

/** A tenant with its writer open, and a log that grows by itself. */
export interface LiveTenant {
  readonly tenant: TenantDir;
  readonly writer: TenantWriter;
  readonly log: readonly PlacedRecord[];
  /** Appends and applies one record; its verdict, or `{refused: code}`, or `{poison: code}`. */
  apply(parts: RecordParts): Verdict;
  close(): void;
}

export interface Verdict {
  readonly kind: string;
  readonly applied?: {
    readonly operations: readonly {
      readonly id?: string;
      readonly changed: boolean;
      readonly deleted_ids?: readonly string[];
    }[];
  };
  readonly rejected?: {
    readonly code: string;
    readonly message: string;
    readonly field?: string;
    readonly metadata?: Record<string, string>;
  };
  readonly refused?: string;
  readonly poison?: string;
}

export function createLiveTenant(): LiveTenant {
  const tenant = createTenantDir();
  const writer = tenant.open();
  const log: PlacedRecord[] = [];
  return {
    tenant,
    writer,
    log,
    apply(parts) {
      const placed = recordAt(log.length, parts);
      const { outcomes, poison } = writer.apply([placed]);
      if (poison) return { kind: 'poison', poison: poison.error.code };
      log.push(placed);
      const outcome = outcomes[0]!;
      if (outcome.kind === 'refused') return { kind: 'refused', refused: outcome.error.code };
      return { kind: outcome.kind, ...(JSON.parse(outcome.resultJson) as object) };
    },
    close() {
      writer.close();
      tenant.remove();
    },
  };
}
