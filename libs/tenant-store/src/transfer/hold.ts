import Database from 'better-sqlite3';
import { asStoreError } from '../sqlite/open.ts';

/** A file that nobody else can open in SQLite until it is released, or until the process is gone. */
export interface Hold {
  release(): void;
}

/**
 * Takes a SQLite file for this process alone; makes it where it is not there. undefined: another connection has it open, in this process or another.
 *
 * The lock is the kernel's: it ends with its process, however that ends, so a crash leaves nothing to clear away. A connection in WAL mode keeps its
 * shared lock for as long as it is open, idle or not, and that is what is met here. The content is left as it is.
 */
export function holdFile(path: string): Hold | undefined {
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { timeout: 0 });
    db.pragma('locking_mode = EXCLUSIVE');
    db.exec('BEGIN EXCLUSIVE');
    db.exec('COMMIT'); // the lock stays: that is what the locking mode means
  } catch (cause) {
    db?.close();
    const error = asStoreError(cause);
    if (isBusy(cause)) return undefined;
    throw error;
  }
  const held = db;
  return { release: () => held.close() };
}

function isBusy(cause: unknown): boolean {
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return false;
  return cause.code === 'SQLITE_BUSY' || cause.code === 'SQLITE_LOCKED';
}
