import { EntError } from '@entdb/base';
import { rowHash, type RowTable } from './row-hash.ts';

/**
 * The rows that count in the digests, as SQLite gives them. Every row that is used is verified first: a changed byte is STORE_CORRUPT naming
 * table and key, never a wrong answer.
 */
export interface NodeRow {
  /** Local number of the row; differs between materialisations. */
  readonly rid: number;
  readonly id: string;
  readonly type: number;
  readonly version: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly fields: Buffer;
  readonly hash: Buffer;
}

export interface EdgeRow {
  readonly from_id: string;
  readonly type: number;
  readonly to_id: string;
  readonly key: string;
  readonly created_at: number;
  readonly fields: Buffer;
  readonly hash: Buffer;
}

export interface AppliedEventRow {
  readonly tenant_id: string;
  readonly idempotency_key: string;
  readonly result_json: string;
  readonly applied_at: number;
  readonly request_hash: Buffer;
  readonly offset: number;
  readonly sequence: number;
  readonly hash: Buffer;
}

export interface SchemaRow {
  readonly fingerprint: string;
  readonly ordinal: number;
  readonly definition: Buffer;
  readonly hash: Buffer;
}

export interface ItemRow {
  readonly rid: number;
  readonly user_id: string;
  readonly node_id: string;
  readonly type: number;
  readonly thread_id: string;
  readonly snippet: string;
  readonly text: string;
  /** 0 or 1 */
  readonly read: number;
  readonly delivered_at: number;
  readonly hash: Buffer;
}

export type TenantState = 'absent' | 'active' | 'deleted';

export interface MetaRow {
  readonly format: number;
  readonly tenant_id: string;
  readonly file_id: string;
  readonly state: TenantState;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly log_time_us: number;
  /** Of the newest record that erases; 0 where none does. */
  readonly erased_sequence: number;
  readonly digest: Buffer;
  readonly hash: Buffer;
}

/** The columns of each row, for SELECT. */
export const columns = {
  node: 'rid, id, type, version, created_at, updated_at, fields, hash',
  edge: 'from_id, type, to_id, key, created_at, fields, hash',
  appliedEvent:
    'tenant_id, idempotency_key, result_json, applied_at, request_hash, "offset", sequence, hash',
  schema: 'fingerprint, ordinal, definition, hash',
  item: 'rid, user_id, node_id, type, thread_id, snippet, text, read, delivered_at, hash',
  meta: 'format, tenant_id, file_id, state, topic, "partition", "offset", epoch, sequence, log_time_us, erased_sequence, digest, hash',
} as const;

/** A row without its checksum and local number: what the checksum is made of. */
export type Unhashed<Row> = Omit<Row, 'hash' | 'rid'>;

export function nodeHash(row: Unhashed<NodeRow>): Buffer {
  return rowHash('node', [
    row.id,
    row.type,
    row.version,
    row.created_at,
    row.updated_at,
    row.fields,
  ]);
}

export function edgeHash(row: Unhashed<EdgeRow>): Buffer {
  return rowHash('edge', [row.from_id, row.type, row.to_id, row.key, row.created_at, row.fields]);
}

export function appliedEventHash(row: Unhashed<AppliedEventRow>): Buffer {
  return rowHash('appliedEvent', [
    row.tenant_id,
    row.idempotency_key,
    row.result_json,
    row.applied_at,
    row.request_hash,
    row.offset,
    row.sequence,
  ]);
}

export function schemaHash(row: Unhashed<SchemaRow>): Buffer {
  return rowHash('schema', [row.fingerprint, row.ordinal, row.definition]);
}

export function itemHash(row: Unhashed<ItemRow>): Buffer {
  return rowHash('mailboxItem', [
    row.user_id,
    row.node_id,
    row.type,
    row.thread_id,
    row.snippet,
    row.text,
    row.read,
    row.delivered_at,
  ]);
}

export function metaHash(row: Unhashed<MetaRow>): Buffer {
  const {
    format,
    tenant_id,
    file_id,
    state,
    topic,
    partition,
    offset,
    epoch,
    sequence,
    log_time_us,
    erased_sequence,
    digest,
  } = row;
  return rowHash('tenant', [
    format,
    tenant_id,
    file_id,
    state,
    topic,
    partition,
    offset,
    epoch,
    sequence,
    log_time_us,
    erased_sequence,
    digest,
  ]);
}

export function verifyNode(row: NodeRow): NodeRow {
  return verified(row, 'node', row.id, nodeHash);
}

export function verifyEdge(row: EdgeRow): EdgeRow {
  return verified(row, 'edge', `${row.from_id} -${row.type}-> ${row.to_id} ${row.key}`, edgeHash);
}

export function verifyAppliedEvent(row: AppliedEventRow): AppliedEventRow {
  return verified(row, 'appliedEvent', row.idempotency_key, appliedEventHash);
}

export function verifySchema(row: SchemaRow): SchemaRow {
  return verified(row, 'schema', row.fingerprint, schemaHash);
}

export function verifyItem(row: ItemRow): ItemRow {
  return verified(row, 'mailboxItem', `${row.user_id} ${row.node_id}`, itemHash);
}

export function verifyMeta(row: MetaRow): MetaRow {
  return verified(row, 'tenant', row.tenant_id, metaHash);
}

function verified<Row extends { readonly hash: Buffer }>(
  row: Row,
  table: RowTable,
  key: string,
  hashOf: (row: Row) => Buffer,
): Row {
  // Damage can turn a column into NULL or another type, which the types above do not know.
  const whole = Object.values(row).every((column) => column !== null) && Buffer.isBuffer(row.hash);
  if (whole && hashOf(row).equals(row.hash)) return row;
  throw new EntError(
    'STORE_CORRUPT',
    `the ${table} row ${JSON.stringify(key)} does not match its checksum`,
    {
      hint: 'the file is rebuilt from the log; keep the damaged one for forensics',
      metadata: { table, key: String(key) },
    },
  );
}
