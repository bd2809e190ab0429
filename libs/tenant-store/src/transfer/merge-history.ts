import { decodeSchema } from '@entdb/contracts';
import { columns, verifyAppliedEvent, verifySchema, type SchemaRow } from '../rows.ts';
import { openDatabase } from '../sqlite/open.ts';
import type { TenantFile } from '../sqlite/tenant-file.ts';
import { createSchemaTable } from '../write/schema-table.ts';
import { createVerdictTable, type KeptVerdict } from '../write/verdict-table.ts';
import { inFolder } from './in-folder.ts';

const sql = {
  // Along the keys of both files, in their order: what the two have alike is passed over without a look at the rest of the row.
  verdicts: `SELECT ${columns.appliedEvent}, digest FROM current.applied_events AS c WHERE NOT EXISTS (
    SELECT 1 FROM main.applied_events AS r WHERE r.tenant_id = c.tenant_id AND r.idempotency_key = c.idempotency_key AND r.hash = c.hash)`,
  schemas: `SELECT ${columns.schema} FROM current.schemas AS c WHERE NOT EXISTS (
    SELECT 1 FROM main.schemas AS r WHERE r.fingerprint = c.fingerprint)`,
} as const;

/**
 * What belongs to the log and not to the state goes from the tenant's current file into the restored one, within its transaction: the verdict on every key, so that a key has one
 * result whatever is restored, and every definition that gateways have sent and will not send again.
 */
export function mergeHistory(restored: TenantFile, currentPath: string): void {
  const verdicts = createVerdictTable(restored, restored.tenantId);
  const schemas = createSchemaTable(restored);
  // A connection of its own: it reads on from the state before this transaction, and writes nothing to either file.
  const both = openDatabase(restored.db.path, { readonly: true });
  try {
    both.prepare<[string]>('ATTACH ? AS current').run(currentPath);
    for (const verdict of both.prepare<[], KeptVerdict>(sql.verdicts).iterate()) {
      inFolder('current', () => verifyAppliedEvent(verdict));
      verdicts.remove(verdict.idempotency_key);
      verdicts.keep(verdict);
    }
    for (const row of both.prepare<[], SchemaRow>(sql.schemas).iterate()) {
      const { fingerprint, definition } = inFolder('current', () => verifySchema(row));
      schemas.remember(fingerprint, decodeSchema(definition));
    }
  } finally {
    both.close();
  }
}
