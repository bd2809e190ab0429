import { isEntError, type EntError } from '@entdb/base';
import {
  compileSchema,
  decodeFields,
  mergeSchemas,
  schemaConflicts,
  type CompiledNodeType,
  type CompiledSchema,
  type Fields,
  type Schema,
} from '@entdb/contracts';
import { searchText, type Catalog } from '../catalog.ts';
import { columns, verifyEdge, type EdgeRow, type NodeRow } from '../rows.ts';
import type { TenantFile } from '../sqlite/tenant-file.ts';
import { judgeFields, judgeRequired, type FieldOwner } from './judge-fields.ts';
import { indexEntriesOf, uniqueKeysOf } from './node-keys.ts';
import type { NodeTable } from './node-table.ts';
import { judgeEndpoint } from './references.ts';
import { Rejection } from './rejection.ts';
import type { SchemaTable } from './schema-table.ts';

const pageRows = 256;

/**
 * Takes a schema version that the tenant has not seen into its catalog, and makes the rows that are there keep what it adds: keys, index entries and
 * full text of earlier nodes come to be here, in the record's own transaction. Throws Rejection INVALID_SCHEMA or SCHEMA_INCOMPATIBLE, without
 * a trace; a version that contradicts rows which were written without a schema is incompatible, too.
 */
export function registerSchema(
  file: TenantFile,
  nodes: NodeTable,
  schemas: SchemaTable,
  catalog: Catalog,
  fingerprint: string,
  definition: Schema,
): Catalog {
  const incoming = compiled(definition, 'INVALID_SCHEMA');
  if (incoming.fingerprint !== fingerprint) {
    throw new Rejection(
      'INVALID_SCHEMA',
      `the definitions have the fingerprint ${incoming.fingerprint}, not ${fingerprint}`,
      { field: 'schema_fingerprint' },
    );
  }
  const conflicts = schemaConflicts(catalog.compiled.definition, definition);
  if (conflicts.length > 0) throw incompatible(conflicts.join('; '));
  const merged = compiled(
    mergeSchemas(catalog.compiled.definition, definition),
    'SCHEMA_INCOMPATIBLE',
  );
  file.savepoint(() => {
    for (const type of merged.nodeTypes.values())
      extendNodes(nodes, catalog.compiled.nodeTypes.get(type.id), type);
    judgeEdges(file, nodes, catalog.compiled, merged);
    schemas.adopt(fingerprint, definition, catalog.fingerprints.length);
  });
  return { compiled: merged, fingerprints: [...catalog.fingerprints, fingerprint] };
}

function compiled(
  definition: Schema,
  code: 'INVALID_SCHEMA' | 'SCHEMA_INCOMPATIBLE',
): CompiledSchema {
  try {
    return compileSchema(definition);
  } catch (error) {
    if (!isEntError(error, 'INVALID_SCHEMA')) throw error;
    throw rejectionOf(error, code);
  }
}

function rejectionOf(error: EntError, code: 'INVALID_SCHEMA' | 'SCHEMA_INCOMPATIBLE'): Rejection {
  return code === 'SCHEMA_INCOMPATIBLE'
    ? incompatible(error.message)
    : new Rejection(code, error.message, { field: 'schema' });
}

function incompatible(reason: string, metadata: Readonly<Record<string, string>> = {}): Rejection {
  return new Rejection('SCHEMA_INCOMPATIBLE', reason, {
    field: 'schema',
    metadata: { reason, ...metadata },
  });
}

/** Brings a type's nodes under what the catalog newly says of it; costs nothing where it says nothing new. */
function extendNodes(
  nodes: NodeTable,
  before: CompiledNodeType | undefined,
  after: CompiledNodeType,
): void {
  const newFields = new Set([...after.fields.keys()].filter((id) => !before?.fields.has(id)));
  const newUnique = new Set(
    after.unique
      .map((key) => key.name)
      .filter((name) => !before?.unique.some((key) => key.name === name)),
  );
  const newIndexed = new Set(
    after.indexed
      .map((field) => field.id)
      .filter((id) => !before?.indexed.some((field) => field.id === id)),
  );
  const newSearch =
    after.searchable.map((field) => field.id).join() !==
    (before?.searchable ?? []).map((field) => field.id).join();
  if (newFields.size + newUnique.size + newIndexed.size === 0 && !newSearch) return;

  eachNode(nodes, after.id, (row) => {
    const fields = decodeFields(row.fields);
    judgeRow(`node ${JSON.stringify(row.id)}`, fields, after, newFields, !before);
    for (const bound of uniqueKeysOf(after, fields)) {
      if (!newUnique.has(bound.key.name)) continue;
      const owner = nodes.ownerOf(after, bound);
      if (owner !== undefined) {
        throw incompatible(
          `${after.name}: the fields ${bound.key.name} cannot become unique, because ${JSON.stringify(owner)} and ${JSON.stringify(row.id)} have the same`,
          {
            type_id: String(after.id),
            field_ids: bound.key.name,
            first_id: owner,
            second_id: row.id,
          },
        );
      }
      nodes.addUniqueKey(after, bound, row.id);
    }
    for (const entry of indexEntriesOf(after, fields))
      if (newIndexed.has(entry.field)) nodes.addIndexEntry(after, entry, row.id);
    if (newSearch) nodes.setSearchText(row.rid, searchText(after, fields));
  });
}

/** Rows that were written without a schema must fit the first one that speaks of their fields. */
function judgeRow(
  what: string,
  fields: Fields,
  owner: FieldOwner,
  newFields: ReadonlySet<number>,
  newOwner: boolean,
): void {
  const spokenOf = Object.fromEntries(
    Object.entries(fields).filter(([id]) => newFields.has(Number(id))),
  );
  try {
    judgeFields(spokenOf, owner, what);
    if (newOwner) judgeRequired(fields, owner, what);
  } catch (error) {
    if (error instanceof Rejection)
      throw incompatible(`the ${what} does not fit: ${error.message}`);
    throw error;
  }
}

function eachNode(nodes: NodeTable, type: number, visit: (row: NodeRow) => void): void {
  for (
    let page = nodes.page(type, '', pageRows);
    page.length > 0;
    page = nodes.page(type, page.at(-1)!.id, pageRows)
  )
    page.forEach(visit);
}

/** Edges that were written without a schema must fit the first one that speaks of their type or fields. */
function judgeEdges(
  file: TenantFile,
  nodes: NodeTable,
  before: CompiledSchema,
  after: CompiledSchema,
): void {
  const extended = [...after.edgeTypes.values()].filter((type) => {
    const known = before.edgeTypes.get(type.id);
    return !known || [...type.fields.keys()].some((id) => !known.fields.has(id));
  });
  if (extended.length === 0) return;
  const ids = new Set(extended.map((type) => type.id));
  // No index is by type alone: one walk over all edges, each time that a schema brings edge types or fields of edges.
  const rows = file.db
    .prepare<[string], EdgeRow>(
      `SELECT ${columns.edge} FROM edges WHERE type IN (SELECT value FROM json_each(?))`,
    )
    .all(JSON.stringify([...ids]));
  for (const row of rows) {
    verifyEdge(row);
    const type = after.edgeTypes.get(row.type)!;
    const known = before.edgeTypes.get(row.type);
    const newFields = new Set([...type.fields.keys()].filter((id) => !known?.fields.has(id)));
    const what = `edge from ${JSON.stringify(row.from_id)} to ${JSON.stringify(row.to_id)}`;
    judgeRow(what, decodeFields(row.fields), type, newFields, !known);
    if (known) continue;
    try {
      judgeEndpoint(nodes, row.from_id, type.fromTypes, what);
      judgeEndpoint(nodes, row.to_id, type.toTypes, what);
    } catch (error) {
      if (error instanceof Rejection)
        throw incompatible(`the ${what} does not fit: ${error.message}`);
      throw error;
    }
  }
}
