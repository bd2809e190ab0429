import { decodeSchema, encodeSchema, type Schema } from '@entdb/contracts';
import { columns, schemaHash, verifySchema, type SchemaRow } from '../rows.ts';
import type { TenantFile } from '../sqlite/tenant-file.ts';

/**
 * The definitions that the tenant's log has brought, for ever: a gateway sends them once, so they must outlive a refusal and even the tenant's
 * deletion. Those of the catalog have their place in it; the others are only remembered.
 */
export interface SchemaTable {
  /** Definitions that the catalog does not hold. */
  remembered(fingerprint: string): Schema | undefined;
  remember(fingerprint: string, definition: Schema): void;
  /** Gives definitions their place in the catalog. */
  adopt(fingerprint: string, definition: Schema, ordinal: number): void;
  /** Empties the catalog. The digest must have been cleared before. */
  dismissAll(): void;
}

const noPlace = -1;

export function createSchemaTable(file: TenantFile): SchemaTable {
  const rowOf = (fingerprint: string) =>
    file.db
      .prepare<[string], SchemaRow>(`SELECT ${columns.schema} FROM schemas WHERE fingerprint = ?`)
      .get(fingerprint);

  const put = (fingerprint: string, definition: Buffer, ordinal: number) => {
    const before = rowOf(fingerprint);
    if (before) file.digest.remove(verifySchema(before).hash);
    const hash = schemaHash({ fingerprint, ordinal, definition });
    file.db
      .prepare(
        `INSERT INTO schemas (fingerprint, ordinal, definition, hash) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET ordinal = excluded.ordinal, hash = excluded.hash`,
      )
      .run(fingerprint, ordinal, definition, hash);
    file.digest.add(hash);
  };

  return {
    remembered(fingerprint) {
      const row = rowOf(fingerprint);
      return row && decodeSchema(verifySchema(row).definition);
    },
    remember(fingerprint, definition) {
      if (!rowOf(fingerprint)) put(fingerprint, Buffer.from(encodeSchema(definition)), noPlace);
    },
    adopt: (fingerprint, definition, ordinal) =>
      put(fingerprint, Buffer.from(encodeSchema(definition)), ordinal),
    dismissAll() {
      const rows = file.db.prepare<[], SchemaRow>(`SELECT ${columns.schema} FROM schemas`).all();
      file.db.prepare('DELETE FROM schemas').run();
      for (const row of rows) put(row.fingerprint, verifySchema(row).definition, noPlace);
    },
  };
}
