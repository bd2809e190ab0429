import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import Database from 'better-sqlite3';
import {
  requestHash,
  schemaFingerprint,
  TransactionSchema,
  WalRecordSchema,
  type Delivery,
  type Fields,
  type OperationSchema,
  type Schema,
} from '@entdb/contracts';
import type { ApplyOutcome, TenantReader, TenantWriter } from '../../store.ts';
import { openTenantWriter } from '../../write/writer.ts';
import { openTenantReader } from '../reader.ts';

export type Operation = MessageInitShape<typeof OperationSchema>;

/** A tenant in a folder of its own, written by records as the log would bring them, and read beside the open writer. */
export interface TestTenant {
  readonly dir: string;
  readonly writer: TenantWriter;
  readonly reader: TenantReader;
  /** Applies one transaction; fails the test unless it is applied. */
  write(...operations: readonly Operation[]): void;
  /** The same for several transactions, in one batch. */
  writeAll(transactions: readonly (readonly Operation[])[]): void;
  deleteTenant(): void;
  /** The time of the records from now on. */
  setTime(timeMs: number): void;
  /** Changes a file behind the store's back, as a failing disk would. */
  damage(file: 'canonical.db' | 'mailbox.db', sql: string, ...parameters: unknown[]): void;
  close(): void;
}

export const testTenantId = 'tenant_1';

export function openTestTenant(schema?: Schema): TestTenant {
  const dir = mkdtempSync(join(tmpdir(), 'entdb-read-'));
  const writer = openTenantWriter({ dir, tenantId: testTenantId, create: true });
  let offset = 0;
  let timeMs = 1_700_000_000_000;

  const placed = (body: MessageInitShape<typeof WalRecordSchema>['body']) => {
    const record = create(WalRecordSchema, {
      tenantId: testTenantId,
      idempotencyKey: `key-${offset}`,
      autoCreate: true,
      ...(schema && { schema, schemaFingerprint: schemaFingerprint(schema) }),
      ...(body && { body }),
    });
    if (record.body.case === 'transaction') record.requestHash = requestHash(record.body.value);
    return { topic: 'entdb-wal', partition: 3, offset: offset++, timeMs, record };
  };
  const transaction = (operations: readonly Operation[]) =>
    placed({
      case: 'transaction',
      value: create(TransactionSchema, { operations: [...operations] }),
    });
  const assertApplied = (outcome: ApplyOutcome) => {
    const isApplied = outcome.kind === 'verdict' && outcome.resultJson.includes('"applied":');
    if (!isApplied) throw new Error(`not applied: ${JSON.stringify(outcome)}`);
  };
  const apply = (records: ReturnType<typeof placed>[]) => {
    const { outcomes, poison } = writer.apply(records);
    if (poison) throw poison.error;
    outcomes.forEach(assertApplied);
  };

  apply([placed({ case: 'tenantCreated', value: {} })]);
  const reader = openTenantReader({ dir, tenantId: testTenantId });
  return {
    dir,
    writer,
    reader,
    write: (...operations) => apply([transaction(operations)]),
    writeAll: (transactions) => apply(transactions.map(transaction)),
    deleteTenant: () => apply([placed({ case: 'tenantDeleted', value: {} })]),
    setTime(time) {
      timeMs = time;
    },
    damage(file, sql, ...parameters) {
      const db = new Database(join(dir, file));
      try {
        if (db.prepare(sql).run(...parameters).changes === 0)
          throw new Error('nothing was damaged');
      } finally {
        db.close();
      }
    },
    close() {
      reader.close();
      writer.close();
      rmSync(dir, { recursive: true });
    },
  };
}

export function createNode(
  typeId: number,
  id: string,
  fields: Fields = {},
  delivery?: Partial<Delivery>,
): Operation {
  const value = {
    typeId,
    id,
    fields,
    ...(delivery && {
      delivery: { threadId: '', snippet: '', text: '', userIds: [], ...delivery },
    }),
  };
  return { op: { case: 'createNode', value } };
}

export function updateNode(
  typeId: number,
  id: string,
  set: Fields,
  clear: number[] = [],
): Operation {
  return { op: { case: 'updateNode', value: { typeId, id, set, clear } } };
}

export function deleteNode(typeId: number, id: string): Operation {
  return { op: { case: 'deleteNode', value: { typeId, id } } };
}

export function createEdge(
  typeId: number,
  fromId: string,
  toId: string,
  key = '',
  fields: Fields = {},
): Operation {
  return { op: { case: 'createEdge', value: { typeId, fromId, toId, key, fields } } };
}
