import Database from 'better-sqlite3';
import { EntError } from '@entdb/base';

/**
 * SQLite as the tenant store uses it: one connection, its prepared statements, and errors that say what to do.
 *
 * The driver binds a JavaScript number as REAL. STRICT tables take 5.0 into an INTEGER column as the integer 5, exactly up to 2^53, and give
 * it back so; every number that is stored here is below that.
 */
export interface SqliteFile {
  readonly path: string;
  readonly inTransaction: boolean;
  /** Compiled once per connection and text: preparing costs more than most of our statements. */
  prepare<Parameters extends unknown[], Row = unknown>(
    sql: string,
  ): Database.Statement<Parameters, Row>;
  exec(sql: string): void;
  close(): void;
}

export interface OpenOptions {
  readonly readonly: boolean;
  /** NORMAL: a power loss may take the last transactions, never part of one. */
  readonly synchronous?: 'NORMAL' | 'FULL';
}

const busyTimeoutMs = 5000;

/** Opens a file that is there. Throws STORE_MISSING, STORE_CORRUPT, STORE_UNAVAILABLE. */
export function openDatabase(path: string, options: OpenOptions): SqliteFile {
  let db: Database.Database;
  try {
    db = new Database(path, {
      readonly: options.readonly,
      fileMustExist: true,
      timeout: busyTimeoutMs,
    });
  } catch (cause) {
    throw asStoreError(cause);
  }
  try {
    db.pragma('trusted_schema = OFF');
    db.pragma('temp_store = MEMORY');
    db.pragma('cache_size = -2000');
    if (!options.readonly) {
      const mode = db.pragma('journal_mode = WAL', { simple: true });
      if (mode !== 'wal')
        throw new EntError(
          'STORE_UNAVAILABLE',
          `SQLite refuses WAL mode (it says ${String(mode)})`,
        );
      db.pragma(`synchronous = ${options.synchronous ?? 'NORMAL'}`);
      db.pragma('wal_autocheckpoint = 1000');
      db.pragma('journal_size_limit = 67108864');
    }
  } catch (cause) {
    db.close();
    throw asStoreError(cause);
  }
  const statements = new Map<string, Database.Statement>();
  return {
    path,
    get inTransaction() {
      return db.inTransaction;
    },
    prepare<Parameters extends unknown[], Row>(sql: string) {
      let statement = statements.get(sql);
      if (!statement) {
        statement = db.prepare(sql);
        statements.set(sql, statement);
      }
      return statement as unknown as Database.Statement<Parameters, Row>; // the caller states the columns that its text names
    },
    exec(sql) {
      db.exec(sql);
    },
    close() {
      statements.clear();
      db.close();
    },
  };
}

/** `PRAGMA quick_check`; it may itself throw on damage. Throws STORE_CORRUPT. */
export function quickCheck(file: SqliteFile): void {
  let findings: readonly { readonly quick_check: string }[];
  try {
    findings = file.prepare<[], { quick_check: string }>('PRAGMA quick_check').all();
  } catch (cause) {
    throw asStoreError(cause);
  }
  const first = findings[0]?.quick_check;
  if (first !== 'ok')
    throw new EntError('STORE_CORRUPT', `SQLite finds the file damaged: ${first ?? 'no answer'}`);
}

const corrupt = ['SQLITE_CORRUPT', 'SQLITE_NOTADB', 'SQLITE_IOERR_DATA', 'SQLITE_IOERR_CORRUPTFS'];
const unavailable = [
  'SQLITE_FULL',
  'SQLITE_IOERR',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_CANTOPEN',
  'SQLITE_NOMEM',
  'SQLITE_READONLY',
  'SQLITE_PERM',
];

/**
 * What a failure of SQLite means: STORE_CORRUPT (the file must be rebuilt), STORE_UNAVAILABLE (try again), INTERNAL (we asked for something
 * wrong). Errors of ours pass as they are. The driver's text stays in `cause`: it may name paths.
 */
export function asStoreError(error: unknown): EntError {
  if (error instanceof EntError) return error;
  const code = sqliteCode(error);
  if (code === undefined)
    return new EntError('INTERNAL', 'the tenant store failed', { cause: error });
  const is = (prefix: string) => code === prefix || code.startsWith(`${prefix}_`);
  if (corrupt.some(is))
    return new EntError('STORE_CORRUPT', `SQLite finds the file damaged (${code})`, {
      cause: error,
    });
  if (unavailable.some(is)) {
    return new EntError('STORE_UNAVAILABLE', `SQLite cannot reach the file (${code})`, {
      cause: error,
      hint: 'free space or mend the disk; nothing is lost',
    });
  }
  return new EntError('INTERNAL', `SQLite refused a statement (${code})`, { cause: error });
}

/** By its name: the native part keeps the class of its first load, and a test runner loads modules once for each file of tests. */
function sqliteCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('name' in error) || !('code' in error))
    return undefined;
  return error.name === 'SqliteError' ? String(error.code) : undefined;
}
