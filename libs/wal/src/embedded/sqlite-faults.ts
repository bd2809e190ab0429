import Database from 'better-sqlite3';
import { EntError } from '@entdb/base';

const damage = /^SQLITE_(CORRUPT|NOTADB)/;

/** Names what SQLite or the file system threw; leaves what is named already. */
export function nameFault(error: unknown, topic: string): unknown {
  if (error instanceof EntError) return error;
  const code = codeOf(error);
  if (code === undefined) return error;
  const message = `the file of topic ${topic}: ${code}: ${error instanceof Error ? error.message : String(error)}`;
  if (damage.test(code)) {
    return new EntError('STORE_CORRUPT', message, {
      hint: 'keep the file for inspection; restore the log directory or start with an empty one',
      cause: error,
    });
  }
  return new EntError('STORE_UNAVAILABLE', message, {
    hint: 'check free space and the health of the disk',
    cause: error,
  });
}

export function isBusy(error: unknown): boolean {
  return codeOf(error)?.startsWith('SQLITE_BUSY') ?? false;
}

/** The code of a trouble with the file; undefined for a fault of the program, which must not pass for one of the disk. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof Database.SqliteError) return error.code;
  if (error instanceof Error && 'syscall' in error && 'code' in error) return String(error.code);
  return undefined;
}
