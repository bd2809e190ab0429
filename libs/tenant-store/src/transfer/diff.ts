import { join } from 'node:path';
import { invariant } from '@entdb/base';
import { asStoreError, openDatabase, type SqliteFile } from '../sqlite/open.ts';
import { createChanges, type KindChanges, type RowKey } from './changes.ts';
import { tenantFacts, type TenantFacts } from './facts.ts';

export interface DiffOptions {
  readonly tenantId: string;
  /** Folders of one tenant's closed files. They are only read. */
  readonly before: string;
  readonly after: string;
  /** Ids to name for each type and kind of change. */
  readonly sample: number;
}

/** What makes one state of a tenant another. Of nodes, edges and mailbox items; verdicts are no part of it. */
export interface TenantDiff {
  readonly before: TenantFacts;
  readonly after: TenantFacts;
  readonly nodes: KindChanges<string>;
  readonly edges: KindChanges<EdgeKey>;
  readonly items: KindChanges<ItemKey>;
}

export interface EdgeKey {
  readonly fromId: string;
  readonly toId: string;
  readonly key: string;
}

export interface ItemKey {
  readonly userId: string;
  readonly nodeId: string;
}

interface Pair {
  readonly first: string;
  readonly second: string;
  readonly third: string;
  /** null: it is not there. */
  readonly before_type: number | null;
  readonly after_type: number | null;
}

/** A row that is alike on both sides has one hash. Along the primary keys of both: the memory that it takes is that of the counts. */
const pairs = ({ table, key, on }: { table: string; key: string; on: string }) => `
  SELECT ${key}, b.type AS before_type, a.type AS after_type FROM main.${table} AS b LEFT JOIN after.${table} AS a ON ${on} WHERE a.hash IS NOT b.hash
  UNION ALL
  SELECT ${key.replaceAll('b.', 'a.')}, NULL, a.type FROM after.${table} AS a LEFT JOIN main.${table} AS b ON ${on} WHERE b.hash IS NULL`;

const sql = {
  nodes: pairs({
    table: 'nodes',
    key: `b.id AS first, '' AS second, '' AS third`,
    on: 'a.id = b.id',
  }),
  edges: pairs({
    table: 'edges',
    key: 'b.from_id AS first, b.to_id AS second, b.key AS third',
    on: 'a.from_id = b.from_id AND a.type = b.type AND a.to_id = b.to_id AND a.key = b.key',
  }),
  items: pairs({
    table: 'items',
    key: `b.user_id AS first, b.node_id AS second, '' AS third`,
    on: 'a.user_id = b.user_id AND a.node_id = b.node_id',
  }),
} as const;

/**
 * What would change for a tenant's users if the second state took the place of the first: counts by type, and the first ids of each in their order. Rows are compared by
 * their checksums, which the files' digests vouch for. Throws STORE_MISSING, STORE_CORRUPT, UNKNOWN_FORMAT, STORE_UNAVAILABLE.
 */
export function diffTenants({ tenantId, before, after, sample }: DiffOptions): TenantDiff {
  invariant(Number.isSafeInteger(sample) && sample >= 0, 'a sample is a number of ids');
  const first = tenantFacts(before, tenantId);
  const second = tenantFacts(after, tenantId);
  const changesOf = <Key>(
    file: 'canonical' | 'mailbox',
    text: string,
    key: (pair: Pair) => Key,
  ) => {
    const changes = createChanges<Key>(sample);
    if (first.digests[file] === second.digests[file]) return changes.read();
    withBoth(join(before, `${file}.db`), join(after, `${file}.db`), (db) => {
      for (const pair of db.prepare<[], Pair>(text).iterate()) {
        const row: RowKey<Key> = { key: key(pair), order: [pair.first, pair.second, pair.third] };
        const { before_type: was, after_type: is } = pair;
        if (was !== null && was === is) changes.add(was, 'changed', row);
        else {
          // The same id under another type is another thing.
          if (was !== null) changes.add(was, 'removed', row);
          if (is !== null) changes.add(is, 'added', row);
        }
      }
    });
    return changes.read();
  };
  return {
    before: first,
    after: second,
    nodes: changesOf('canonical', sql.nodes, (pair) => pair.first),
    edges: changesOf('canonical', sql.edges, (pair) => ({
      fromId: pair.first,
      toId: pair.second,
      key: pair.third,
    })),
    items: changesOf('mailbox', sql.items, (pair) => ({
      userId: pair.first,
      nodeId: pair.second,
    })),
  };
}

function withBoth(before: string, after: string, body: (db: SqliteFile) => void): void {
  const db = openDatabase(before, { readonly: true });
  try {
    db.prepare<[string]>('ATTACH ? AS after').run(after);
    body(db);
  } catch (error) {
    throw asStoreError(error);
  } finally {
    db.close();
  }
}
