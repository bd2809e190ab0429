import Database from 'better-sqlite3';

/** The rows that a tenant's log came to, and the file to put them into again. */
export interface BulkInsert {
  readonly records: number;
  /** Inserts all rows into a new file, so many records to a transaction. */
  run(path: string, recordsPerCommit: number): void;
}

type Row = readonly (string | number | bigint | Buffer | null)[];
const tables = ['nodes', 'unique_keys', 'field_index', 'applied_events'] as const;

/**
 * What the applier cannot do without: the rows of a file that it made, into tables of the same definition with the same indexes and the same
 * settings, with prepared statements and nothing else: no decoding, no judging, no hashing.
 */
export function bulkInsertOf(file: string): BulkInsert {
  const db = new Database(file, { readonly: true });
  try {
    const ddl = db
      .prepare<[], string>(
        `SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'nodes_fts_%' ORDER BY rowid`,
      )
      .pluck()
      .all();
    const meta = db.prepare<[], Row>('SELECT * FROM meta').raw().get() ?? [];
    const rows = tables.map((table) => {
      const columns = db.pragma(`table_info(${table})`) as readonly unknown[];
      const order = table === 'applied_events' ? '"offset"' : table === 'nodes' ? 'rid' : nodeOrder;
      return {
        insert: `INSERT INTO ${table} VALUES (${columns.map(() => '?').join(', ')})`,
        rows: db.prepare<[], Row>(`SELECT * FROM ${table} ORDER BY ${order}`).raw().all(),
      };
    });
    const filled = rows.filter((each) => each.rows.length > 0);
    const records = filled.at(-1)?.rows.length ?? 0;
    if (filled.some((each) => each.rows.length !== records))
      throw new Error('each record is to have one row in each table');
    return { records, run: (path, size) => fill(path, { ddl, meta, filled, records, size }) };
  } finally {
    db.close();
  }
}

const nodeOrder = '(SELECT rid FROM nodes WHERE id = node_id)';

interface Filling {
  readonly ddl: readonly string[];
  readonly meta: Row;
  readonly filled: readonly { readonly insert: string; readonly rows: readonly Row[] }[];
  readonly records: number;
  readonly size: number;
}

function fill(path: string, { ddl, meta, filled, records, size }: Filling): void {
  const db = new Database(path);
  try {
    // As the store opens a tenant's file.
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = NORMAL');
    db.pragma('cache_size = -2000');
    db.pragma('temp_store = MEMORY');
    db.pragma('wal_autocheckpoint = 1000');
    for (const statement of ddl) db.exec(statement);
    db.prepare(`INSERT INTO meta VALUES (${meta.map(() => '?').join(', ')})`).run(...meta);
    const inserts = filled.map(({ insert, rows }) => ({ statement: db.prepare(insert), rows }));
    const position = db.prepare('UPDATE meta SET "offset" = ?');
    const begin = db.prepare('BEGIN IMMEDIATE');
    const commit = db.prepare('COMMIT');
    for (let from = 0; from < records; from += size) {
      const end = Math.min(records, from + size);
      begin.run();
      for (let i = from; i < end; i += 1)
        for (const { statement, rows } of inserts) statement.run(...rows[i]!);
      position.run(end - 1);
      commit.run();
    }
  } finally {
    db.close();
  }
}
