import { EntError } from '@entdb/base';
import { decodeFields } from '@entdb/contracts';
import { loadCatalog, searchText, type Catalog } from './catalog.ts';
import { mailboxOwner } from './mailbox-owner.ts';
import { MultisetHash } from './multiset-hash.ts';
import {
  columns,
  verifyAppliedEvent,
  verifyEdge,
  verifyItem,
  verifyNode,
  verifySchema,
  type AppliedEventRow,
  type EdgeRow,
  type ItemRow,
  type NodeRow,
  type SchemaRow,
} from './rows.ts';
import { readMeta } from './sqlite/meta.ts';
import { quickCheck, type SqliteFile } from './sqlite/open.ts';
import type { TenantFile } from './sqlite/tenant-file.ts';
import { itemText } from './write/mailbox.ts';
import { indexEntriesOf, uniqueKeysOf } from './write/node-keys.ts';

const pageRows = 256;

/**
 * Looks at everything: each row against its checksum, the sum of all rows against the kept digest (which finds rows that are lost, stale or too
 * many), and each derived table against what the rows say it must hold. Throws STORE_CORRUPT naming the first difference.
 */
export function scrubCanonical(file: TenantFile): void {
  reading(file, () => {
    const { db } = file;
    const sum = new MultisetHash();
    const expected = createDerived(db);
    const catalog = loadCatalog(db);
    for (const row of db.prepare<[], NodeRow>(`SELECT ${columns.node} FROM nodes`).iterate()) {
      sum.add(verifyNode(row).hash);
      expected.count(row, catalog);
    }
    for (const row of db.prepare<[], EdgeRow>(`SELECT ${columns.edge} FROM edges`).iterate())
      sum.add(verifyEdge(row).hash);
    for (const row of db
      .prepare<[], AppliedEventRow>(`SELECT ${columns.appliedEvent} FROM applied_events`)
      .iterate())
      sum.add(verifyAppliedEvent(row).hash);
    for (const row of db.prepare<[], SchemaRow>(`SELECT ${columns.schema} FROM schemas`).iterate())
      sum.add(verifySchema(row).hash);
    assertDigest(file, sum, 'canonical');
    expected.assertCounts();
    compareFullText(db, 'nodes_fts', ['text'], (afterRid) =>
      db
        .prepare<[number, number], NodeRow>(
          `SELECT ${columns.node} FROM nodes WHERE rid > ? ORDER BY rid LIMIT ?`,
        )
        .all(afterRid, pageRows)
        .map((row) => {
          const type = catalog.compiled.nodeTypes.get(row.type);
          return { rid: row.rid, texts: [type ? searchText(type, decodeFields(row.fields)) : ''] };
        }),
    );
  });
}

export function scrubMailbox(file: TenantFile): void {
  reading(file, () => {
    const { db } = file;
    const sum = new MultisetHash();
    for (const row of db.prepare<[], ItemRow>(`SELECT ${columns.item} FROM items`).iterate())
      sum.add(verifyItem(row).hash);
    assertDigest(file, sum, 'mailbox');
    compareFullText(db, 'items_fts', ['owner', 'text'], (afterRid) =>
      db
        .prepare<[number, number], ItemRow>(
          `SELECT ${columns.item} FROM items WHERE rid > ? ORDER BY rid LIMIT ?`,
        )
        .all(afterRid, pageRows)
        .map((row) => ({ rid: row.rid, texts: [mailboxOwner(row.user_id), itemText(row)] })),
    );
  });
}

/** In one read transaction, after a look at the structure: with sound indexes, the counts below prove equality. */
function reading(file: TenantFile, body: () => void): void {
  quickCheck(file.db);
  file.db.prepare('BEGIN').run();
  try {
    body();
  } finally {
    file.db.prepare('ROLLBACK').run();
  }
}

function assertDigest(file: TenantFile, sum: MultisetHash, name: 'canonical' | 'mailbox'): void {
  const stored = readMeta(file.db, file.tenantId).digest.toString('hex');
  if (sum.hex() === stored && sum.hex() === file.digest.hex()) return;
  throw different(
    `the rows of the ${name} file sum up to ${sum.hex()}, its kept digest is ${stored}`,
    'meta',
    name,
  );
}

/** Every key that a node must have is there and its own, and there are no others: each is looked up, then all are counted. */
function createDerived(db: SqliteFile) {
  let uniqueKeys = 0;
  let indexEntries = 0;
  const keyOwner = db.prepare<[number, string, Buffer], { node_id: string }>(
    'SELECT node_id FROM unique_keys WHERE type = ? AND name = ? AND value = ?',
  );
  const entry = db.prepare<[number, number, Buffer, string], { found: number }>(
    'SELECT 1 AS found FROM field_index WHERE type = ? AND field = ? AND value = ? AND node_id = ?',
  );
  const rows = (table: string) =>
    db.prepare<[], { rows: number }>(`SELECT count(*) AS rows FROM ${table}`).get()!.rows;

  return {
    count(row: NodeRow, catalog: Catalog): void {
      const type = catalog.compiled.nodeTypes.get(row.type);
      if (!type) return;
      const fields = decodeFields(row.fields);
      for (const { key, value } of uniqueKeysOf(type, fields)) {
        uniqueKeys++;
        if (keyOwner.get(type.id, key.name, value)?.node_id !== row.id)
          throw different(
            `unique_keys lacks the key ${key.name} of the node ${row.id}`,
            'unique_keys',
            row.id,
          );
      }
      for (const { field, value } of indexEntriesOf(type, fields)) {
        indexEntries++;
        if (!entry.get(type.id, field, value, row.id))
          throw different(
            `field_index lacks field ${field} of the node ${row.id}`,
            'field_index',
            row.id,
          );
      }
    },
    assertCounts(): void {
      for (const [table, expected] of [
        ['unique_keys', uniqueKeys] as const,
        ['field_index', indexEntries] as const,
      ]) {
        if (rows(table) !== expected)
          throw different(
            `${table} has ${rows(table)} rows, the nodes account for ${expected}`,
            table,
            '',
          );
      }
    },
  };
}

interface Token {
  readonly term: string;
  readonly doc: number;
  readonly col: string;
  readonly offset: number;
}

interface Document {
  readonly rid: number;
  /** One per column. */
  readonly texts: readonly string[];
}

/** The index keeps no text, so a second one is made of the rows, in memory, and the two are read side by side, token by token. */
function compareFullText(
  db: SqliteFile,
  table: string,
  names: readonly string[],
  documentsAfter: (rid: number) => readonly Document[],
): void {
  db.exec(`
    CREATE VIRTUAL TABLE temp.fts_expected USING fts5 (${names.join(', ')}, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');
    CREATE VIRTUAL TABLE temp.tokens_expected USING fts5vocab (temp, fts_expected, instance);
    CREATE VIRTUAL TABLE temp.tokens_stored USING fts5vocab (main, ${table}, instance);`);
  const insert = db.prepare<[number, ...string[]]>(
    `INSERT INTO temp.fts_expected (rowid, ${names.join(', ')}) VALUES (?${', ?'.repeat(names.length)})`,
  );
  for (let page = documentsAfter(0); page.length > 0; page = documentsAfter(page.at(-1)!.rid)) {
    for (const { rid, texts } of page) insert.run(rid, ...texts);
  }
  const tokens = (name: string) =>
    db.prepare<[], Token>(`SELECT term, doc, col, "offset" FROM temp.${name}`).iterate();
  const stored = tokens('tokens_stored');
  try {
    for (const token of tokens('tokens_expected')) {
      const { value } = stored.next() as { value?: Token }; // undefined after the last
      const same =
        value?.term === token.term &&
        value.doc === token.doc &&
        value.col === token.col &&
        value.offset === token.offset;
      if (!same)
        throw different(
          `${table} does not agree with the row ${token.doc} on ${JSON.stringify(token.term)}`,
          table,
          String(token.doc),
        );
    }
    const { value: extra } = stored.next() as { value?: Token }; // undefined after the last
    if (extra)
      throw different(
        `${table} has ${JSON.stringify(extra.term)} of the row ${extra.doc}, which is not there`,
        table,
        String(extra.doc),
      );
  } finally {
    stored.return?.();
  }
}

function different(message: string, table: string, key: string): EntError {
  return new EntError('STORE_CORRUPT', message, {
    metadata: { table, key },
    hint: 'the file is rebuilt from the log; keep the damaged one for forensics',
  });
}
