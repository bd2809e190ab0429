import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { asStoreError, openDatabase } from '../sqlite/open.ts';
import { fsyncPath } from '../sqlite/create.ts';
import { tenantFacts, type TenantFacts } from './facts.ts';

/** The files of a tenant, in the order in which they are written. */
export const tenantFileNames = ['canonical.db', 'mailbox.db'] as const;

/**
 * Copies a tenant's files, compact and complete in themselves (no -wal beside them), into a folder where they are not yet; synced, folder and all. For a
 * tenant that nobody writes meanwhile: STORE_CORRUPT where the two copies stand at different positions. Returns what the copies say of themselves.
 */
export function exportTenant(options: {
  readonly dir: string;
  readonly tenantId: string;
  readonly target: string;
}): TenantFacts {
  const { dir, tenantId, target } = options;
  mkdirSync(target, { recursive: true });
  for (const name of tenantFileNames) vacuumInto(join(dir, name), join(target, name));
  fsyncPath(target);
  return tenantFacts(target, tenantId);
}

/** A copy of the main file alone would lose what is still in its -wal. */
function vacuumInto(source: string, target: string): void {
  const db = openDatabase(source, { readonly: true });
  try {
    db.prepare<[string]>('VACUUM INTO ?').run(target);
  } catch (cause) {
    throw asStoreError(cause);
  } finally {
    db.close();
  }
  fsyncPath(target); // SQLite does not sync what it vacuums into
}
