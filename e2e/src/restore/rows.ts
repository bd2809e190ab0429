import { createHash } from 'node:crypto';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { decodeFields } from '@entdb/contracts';
import { sizeOf, textOf } from './model.ts';

/** What counts of a tenant's files: not row numbers, and not the file's own id, which are no part of the state. */
const queries = {
  canonical: [
    'SELECT id, type, version, created_at, updated_at, fields, hash FROM nodes ORDER BY id',
    'SELECT * FROM edges ORDER BY from_id, type, to_id, key',
    'SELECT * FROM unique_keys ORDER BY type, name, value',
    'SELECT * FROM field_index ORDER BY type, field, value, node_id',
    'SELECT * FROM applied_events ORDER BY idempotency_key',
    'SELECT * FROM schemas ORDER BY fingerprint',
    "SELECT id FROM nodes WHERE rid IN (SELECT rowid FROM nodes_fts WHERE nodes_fts MATCH 'even') ORDER BY id",
    'SELECT tenant_id, state, topic, "partition", "offset", epoch, sequence, log_time_us, digest FROM meta',
  ],
  mailbox: [
    'SELECT user_id, node_id, type, thread_id, snippet, text, read, delivered_at, hash FROM items ORDER BY user_id, node_id',
    "SELECT user_id, node_id FROM items WHERE rid IN (SELECT rowid FROM items_fts WHERE items_fts MATCH 'even') ORDER BY user_id, node_id",
    'SELECT tenant_id, state, topic, "partition", "offset", epoch, sequence, log_time_us, digest FROM meta',
  ],
} as const;

/** Every row that counts, a line each, read through SQL past the store's own code. */
export function dumpRows(dir: string): readonly string[] {
  return Object.entries(queries).flatMap(([file, selects]) =>
    withFile(dir, file, (db) =>
      selects.flatMap((sql, query) =>
        db
          .prepare(sql)
          .raw()
          .all()
          .map((row) => `${file} ${query} ${(row as unknown[]).map(asText).join('\t')}`),
      ),
    ),
  );
}

/** With the type, so that a number is not taken for its digits. */
const asText = (value: unknown): string => {
  if (Buffer.isBuffer(value)) return `x${value.toString('hex')}`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
};

export const hashRows = (rows: readonly string[]): string =>
  createHash('sha256').update(rows.join('\n')).digest('hex');

/** The files as `linesOf` says a model. */
export function modelLines(dir: string): readonly string[] {
  const canonical = withFile(dir, 'canonical', (db) => {
    const all = <Row>(sql: string) => db.prepare<[], Row>(sql).all();
    return [
      ...all<{ state: string }>('SELECT state FROM meta').map(({ state }) => state),
      ...all<{ id: string; type: number; fields: Buffer }>(
        'SELECT id, type, fields FROM nodes',
      ).map(({ id, type, fields }) => {
        const decoded = decodeFields(fields);
        return `node ${id} ${type} ${textOf(decoded)} ${sizeOf(decoded)}`;
      }),
      ...all<{ from_id: string; type: number; to_id: string; key: string }>(
        'SELECT from_id, type, to_id, key FROM edges',
      ).map((edge) => `edge ${edge.from_id} ${edge.type} ${edge.to_id} ${edge.key}`),
      ...all<{ key: string }>('SELECT idempotency_key AS key FROM applied_events').map(
        ({ key }) => `key ${key}`,
      ),
    ];
  });
  const items = withFile(dir, 'mailbox', (db) =>
    db
      .prepare<[], { user_id: string; node_id: string; read: number }>(
        'SELECT user_id, node_id, read FROM items',
      )
      .all()
      .map((item) => `item ${item.user_id} ${item.node_id} ${item.read ? 'read' : 'unread'}`),
  );
  return [...canonical, ...items].toSorted();
}

function withFile<T>(dir: string, name: string, body: (db: Database.Database) => T): T {
  const db = new Database(join(dir, `${name}.db`), { readonly: true });
  try {
    return body(db);
  } finally {
    db.close();
  }
}

/** The first line that is not in both; undefined where there is none. */
export function firstDifference(
  found: readonly string[],
  expected: readonly string[],
): string | undefined {
  const length = Math.max(found.length, expected.length);
  for (let i = 0; i < length; i += 1)
    if (found[i] !== expected[i])
      return `line ${i + 1}: ${found[i] ?? 'nothing'}; expected ${expected[i] ?? 'nothing'}`;
  return undefined;
}
