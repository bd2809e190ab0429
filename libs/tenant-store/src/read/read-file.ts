import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EntError, InvariantError } from '@entdb/base';
import { positionToWire, type Position } from '@entdb/contracts';
import type { MetaRow } from '../rows.ts';
import { readMeta } from '../sqlite/meta.ts';
import { asStoreError, openDatabase, type SqliteFile } from '../sqlite/open.ts';

/** What one read sees: a committed state, and where in the log it stands. */
export interface ReadState {
  readonly meta: MetaRow;
  readonly position: Position;
}

/** One of a tenant's two files, for reading. */
export interface ReadFile {
  readonly tenantId: string;
  prepare: SqliteFile['prepare'];
  /** Runs the body in one read transaction. Throws STORE_CORRUPT and STORE_UNAVAILABLE as they come. */
  read<T>(body: (state: ReadState) => T): T;
  /** As `read`, of a tenant that is there: throws TENANT_NOT_FOUND or TENANT_DELETED. */
  readActive<T>(body: (state: ReadState) => T): T;
  close(): void;
}

/** Throws STORE_MISSING, STORE_CORRUPT, STORE_UNAVAILABLE, UNKNOWN_FORMAT. */
export function openReadFile(dir: string, name: string, tenantId: string): ReadFile {
  const path = join(dir, name);
  if (!existsSync(path))
    throw new EntError('STORE_MISSING', `${name} of the tenant is missing`, { tenantId });
  const file = openDatabase(path, { readonly: true });
  let known: ReadState | undefined;

  const currentState = (): ReadState => {
    // A checksum names its row: the one that was verified last need not be read again.
    const hash = file.prepare<[], { hash: Buffer }>('SELECT hash FROM meta').get()?.hash;
    if (known && hash && known.meta.hash.equals(hash)) return known;
    const meta = readMeta(file, tenantId);
    known = { meta, position: positionToWire(meta) };
    return known;
  };

  const read = <T>(body: (state: ReadState) => T): T => {
    try {
      file.prepare('BEGIN').run();
      try {
        return body(currentState());
      } finally {
        // An I/O error may have ended it already.
        if (file.inTransaction) file.prepare('COMMIT').run();
      }
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      throw asStoreError(error);
    }
  };

  try {
    // Damage shows at the first read, not when a file is opened.
    const meta = readMeta(file, tenantId);
    known = { meta, position: positionToWire(meta) };
  } catch (error) {
    file.close();
    throw asStoreError(error);
  }
  return {
    tenantId,
    prepare: (sql) => file.prepare(sql),
    read,
    readActive: (body) => read((state) => body(assertActive(state, tenantId))),
    close: () => file.close(),
  };
}

function assertActive(state: ReadState, tenantId: string): ReadState {
  switch (state.meta.state) {
    case 'active':
      return state;
    case 'absent':
      throw new EntError('TENANT_NOT_FOUND', `there is no tenant ${tenantId}`, { tenantId });
    case 'deleted':
      throw new EntError('TENANT_DELETED', `tenant ${tenantId} was deleted`, {
        tenantId,
        position: state.meta,
      });
  }
}
