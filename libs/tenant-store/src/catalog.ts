import { EntError } from '@entdb/base';
import {
  compileSchema,
  decodeSchema,
  mergeSchemas,
  type CompiledNodeType,
  type CompiledSchema,
  type Fields,
  type Schema,
} from '@entdb/contracts';
import { columns, verifySchema, type SchemaRow } from './rows.ts';
import type { SqliteFile } from './sqlite/open.ts';

/** The schemas that a tenant has seen, and their merger, which constraints are judged by. A value: a new schema makes a new catalog. */
export interface Catalog {
  readonly compiled: CompiledSchema;
  /** In the order in which the tenant saw them. */
  readonly fingerprints: readonly string[];
}

const noSchema: Schema = { $typeName: 'entdb.v1.Schema', nodeTypes: [], edgeTypes: [] };
export const emptyCatalog: Catalog = { compiled: compileSchema(noSchema), fingerprints: [] };

/** Throws STORE_CORRUPT. */
export function loadCatalog(file: Pick<SqliteFile, 'prepare'>): Catalog {
  const rows = file
    .prepare<[], SchemaRow>(
      `SELECT ${columns.schema} FROM schemas WHERE ordinal >= 0 ORDER BY ordinal`,
    )
    .all();
  if (rows.length === 0) return emptyCatalog;
  const merged = rows.reduce(
    (catalog, row) => mergeSchemas(catalog, decodeSchema(verifySchema(row).definition)),
    noSchema,
  );
  try {
    return { compiled: compileSchema(merged), fingerprints: rows.map((row) => row.fingerprint) };
  } catch (cause) {
    throw new EntError('STORE_CORRUPT', 'the stored schemas do not fit together', { cause });
  }
}

/** What full-text search sees of a node; empty where the type has nothing searchable. */
export function searchText(type: CompiledNodeType, fields: Fields): string {
  const texts: string[] = [];
  for (const { id } of type.searchable) {
    const kind = fields[id]?.kind;
    if (kind?.case === 'str') texts.push(kind.value);
    else if (kind?.case === 'list')
      for (const item of kind.value.values)
        if (item.kind.case === 'str') texts.push(item.kind.value);
  }
  return texts.join('\n');
}
