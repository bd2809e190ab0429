import { EntError } from '@entdb/base';
import {
  decodeSchema,
  resultFromJson,
  TenantState,
  type GetResultRequest,
  type GetResultResponse,
  type GetSchemaRequest,
  type GetSchemaResponse,
  type GetTenantResponse,
} from '@entdb/contracts';
import {
  columns,
  verifyAppliedEvent,
  verifySchema,
  type AppliedEventRow,
  type MetaRow,
  type SchemaRow,
} from '../rows.ts';
import type { CatalogCache } from './catalog-cache.ts';
import type { ReadFile } from './read-file.ts';

/** The stored verdict on a key, of a tenant in any state: that of a deletion is kept. */
export function getResult(file: ReadFile, { idempotencyKey }: GetResultRequest): GetResultResponse {
  return file.read(({ position }) => {
    const sql = `SELECT ${columns.appliedEvent} FROM applied_events WHERE tenant_id = ? AND idempotency_key = ?`;
    const row = file
      .prepare<[string, string], AppliedEventRow>(sql)
      .get(file.tenantId, idempotencyKey);
    if (!row) return { $typeName: 'entdb.v1.GetResultResponse', position };
    const result = resultFromJson(verifyAppliedEvent(row).result_json, file.tenantId);
    return { $typeName: 'entdb.v1.GetResultResponse', result, position };
  });
}

/** The catalog, or one version of the schema. Throws NOT_FOUND for a version that the tenant has not seen. */
export function getSchema(
  file: ReadFile,
  catalogs: CatalogCache,
  { fingerprint }: GetSchemaRequest,
): GetSchemaResponse {
  return file.readActive(({ position }) => {
    const { compiled, fingerprints } = catalogs.current();
    const found =
      fingerprint === ''
        ? { schema: compiled.definition, fingerprint: compiled.fingerprint }
        : { schema: oneVersion(file, fingerprint), fingerprint };
    return {
      $typeName: 'entdb.v1.GetSchemaResponse',
      ...found,
      fingerprints: [...fingerprints],
      position,
    };
  });
}

function oneVersion(file: ReadFile, fingerprint: string) {
  const sql = `SELECT ${columns.schema} FROM schemas WHERE fingerprint = ? AND ordinal >= 0`;
  const row = file.prepare<[string], SchemaRow>(sql).get(fingerprint);
  if (row) return decodeSchema(verifySchema(row).definition);
  throw new EntError('NOT_FOUND', `the tenant has not seen the schema ${fingerprint}`, {
    field: 'fingerprint',
    hint: 'ask without a fingerprint: the answer lists those that it has seen',
  });
}

const states: Readonly<Record<MetaRow['state'], TenantState>> = {
  absent: TenantState.ABSENT,
  active: TenantState.ACTIVE,
  deleted: TenantState.DELETED,
};

/**
 * The tenant as canonical.db has it. The two files commit one after the other: in the moment between, the mailbox is not at the position of
 * the answer, and `mailbox_digest` is empty.
 */
export function getTenant(canonical: ReadFile, mailbox: ReadFile): GetTenantResponse {
  return canonical.read(({ meta, position }) => {
    const count = (table: 'nodes' | 'edges') => {
      const sql = `SELECT count(*) AS count FROM ${table}`;
      return BigInt(canonical.prepare<[], { count: number }>(sql).get()?.count ?? 0);
    };
    const other = mailbox.read((state) => state.meta);
    const isSamePosition = other.offset === meta.offset && other.sequence === meta.sequence;
    return {
      $typeName: 'entdb.v1.GetTenantResponse',
      state: states[meta.state],
      position,
      sequence: BigInt(meta.sequence),
      canonicalDigest: meta.digest.toString('hex'),
      mailboxDigest: isSamePosition ? other.digest.toString('hex') : '',
      nodeCount: count('nodes'),
      edgeCount: count('edges'),
    };
  });
}
