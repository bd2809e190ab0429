import { hash } from 'node:crypto';
import { EntError } from '@entdb/base';
import { encodeWalRecord, type Schema, type WalRecord } from '@entdb/contracts';
import type { CommandKey } from './validate/request.ts';

/** Until identity exists. It will come from the credential, never from the request. */
const actor = 'anonymous';

/** What the record is to say, apart from what every record says. */
export interface RecordContent {
  readonly key: CommandKey;
  readonly requestHash: Uint8Array;
  readonly body: WalRecord['body'];
  /** The body's canonical bytes, where it is a transaction. */
  readonly transactionBytes?: Uint8Array;
  readonly schemaFingerprint?: string;
  /** Left out where an earlier record of this tenant brought them. */
  readonly definitions?: Schema;
  readonly autoCreate: boolean;
  /** Where the verdict is wanted; left out where nobody waits. */
  readonly resultsPartition?: number;
}

/** The bytes of the record. Throws RECORD_TOO_LARGE, measured on those very bytes. */
export function encodeRecord(content: RecordContent, recordBytesMax: number): Uint8Array {
  const { key, definitions, resultsPartition } = content;
  const record: WalRecord = {
    $typeName: 'entdb.v1.WalRecord',
    tenantId: key.tenantId,
    idempotencyKey: key.idempotencyKey,
    requestHash: content.requestHash,
    actor,
    schemaFingerprint: content.schemaFingerprint ?? '',
    ...(definitions && { schema: definitions }),
    autoCreate: content.autoCreate,
    ...(resultsPartition !== undefined && {
      results: { $typeName: 'entdb.v1.ResultsAddress', partition: resultsPartition },
    }),
    body: content.body,
  };
  const value = encodeWalRecord(record, content.transactionBytes);
  if (value.byteLength <= recordBytesMax) return value;
  throw new EntError(
    'RECORD_TOO_LARGE',
    `the transaction takes ${value.byteLength} bytes in the log; a record may have ${recordBytesMax}`,
    {
      tenantId: key.tenantId,
      field: 'operations',
      hint: 'split it into several transactions',
      metadata: { bytes: String(value.byteLength), limit: String(recordBytesMax) },
    },
  );
}

/** Tells a retry from another request, for records that are no transaction. */
export function tenantRequestHash(body: TenantBody, tenantId: string): Uint8Array {
  const kind = body.case === 'tenantDeleted' && body.value.erase ? 'tenantErased' : body.case;
  return new Uint8Array(hash('sha256', `${kind}\0${tenantId}`, 'buffer'));
}

/** What makes a tenant, or ends it. */
export type TenantBody = Extract<
  WalRecord['body'],
  { readonly case: 'tenantCreated' | 'tenantDeleted' }
>;
