import { EntError } from '@entdb/base';
import { columns, verifyMeta, type MetaRow } from '../rows.ts';
import { fileFormat } from './ddl.ts';
import { asStoreError, type SqliteFile } from './open.ts';

/** The file's identity and progress. Throws UNKNOWN_FORMAT, and STORE_CORRUPT where the file is empty, damaged or another tenant's. */
export function readMeta(file: SqliteFile, tenantId: string): MetaRow {
  const format = readFormat(file);
  if (format !== fileFormat) {
    throw new EntError(
      'UNKNOWN_FORMAT',
      `the tenant file has format ${String(format)}; this version knows ${fileFormat}`,
      {
        tenantId,
        hint: 'upgrade this service, or let it rebuild the file from the log',
      },
    );
  }
  const row = file.prepare<[], MetaRow>(`SELECT ${columns.meta} FROM meta`).get();
  if (!row) throw new EntError('STORE_CORRUPT', 'the tenant file has no meta row', { tenantId });
  verifyMeta(row);
  if (row.tenant_id !== tenantId)
    throw new EntError('STORE_CORRUPT', `the tenant file is that of ${row.tenant_id}`, {
      tenantId,
    });
  return row;
}

function readFormat(file: SqliteFile): unknown {
  try {
    return file.prepare<[], { format: unknown }>('SELECT format FROM meta').get()?.format;
  } catch (cause) {
    const error = asStoreError(cause);
    // "no such table": an empty database, or somebody else's.
    throw error.code === 'INTERNAL'
      ? new EntError('STORE_CORRUPT', 'the file is not a tenant file', { cause })
      : error;
  }
}
