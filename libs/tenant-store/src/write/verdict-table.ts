import { EntError } from '@entdb/base';
import {
  verdictToJson,
  type OperationVerdict,
  type Verdict,
  type WalRecord,
} from '@entdb/contracts';
import { appliedEventHash, columns, verifyAppliedEvent, type AppliedEventRow } from '../rows.ts';
import type { ApplyOutcome, PlacedRecord } from '../store.ts';
import type { TenantFile } from '../sqlite/tenant-file.ts';

const sql = {
  find: `SELECT ${columns.appliedEvent} FROM applied_events WHERE tenant_id = ? AND idempotency_key = ?`,
  insert: `INSERT INTO applied_events (tenant_id, idempotency_key, result_json, applied_at, request_hash, "offset", sequence, hash, digest)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  remove: 'DELETE FROM applied_events WHERE tenant_id = ? AND idempotency_key = ?',
} as const;

/** A verdict as it is kept: with the digest that the file had after its record. */
export type KeptVerdict = AppliedEventRow & { readonly digest: Buffer };

/** What became of a record, and what the mailbox has to know of it. */
export interface Judged {
  readonly outcome: ApplyOutcome;
  /** Only where the record was applied here for the first time: what its operations did. */
  readonly effects?: readonly OperationVerdict[];
}

/** The verdicts by key: what makes a second record with the same key a repeat. */
export interface VerdictTable {
  /** Verified. */
  find(key: string): AppliedEventRow | undefined;
  /** Stores the verdict of a record whose key is new; progress is the record's already. The digest after it is kept with it. */
  store(placed: PlacedRecord, outcome: Verdict['outcome']): string;
  /** Takes a verdict as another of the tenant's files has it. Its key must have none here. */
  keep(verdict: KeptVerdict): void;
  /** Takes the verdict on a key away, if there is one. */
  remove(key: string): void;
  clear(): void;
}

export function createVerdictTable(file: TenantFile, tenantId: string): VerdictTable {
  const { db } = file;
  const find = (key: string) => {
    const row = db.prepare<[string, string], AppliedEventRow>(sql.find).get(tenantId, key);
    return row && verifyAppliedEvent(row);
  };
  const insert = (row: AppliedEventRow, digest: Buffer) =>
    db
      .prepare(sql.insert)
      .run(
        row.tenant_id,
        row.idempotency_key,
        row.result_json,
        row.applied_at,
        row.request_hash,
        row.offset,
        row.sequence,
        row.hash,
        digest,
      );

  return {
    find,
    store({ record, timeMs, ...place }, outcome) {
      const { topic, partition, offset } = place;
      const appliedAt = timeMs * 1000;
      const resultJson = verdictToJson({
        position: { topic, partition, offset, epoch: file.progress.epoch },
        appliedAtUs: appliedAt,
        outcome,
      });
      const row = {
        tenant_id: tenantId,
        idempotency_key: record.idempotencyKey,
        result_json: resultJson,
        applied_at: appliedAt,
        request_hash: Buffer.from(
          record.requestHash.buffer,
          record.requestHash.byteOffset,
          record.requestHash.byteLength,
        ),
        offset,
        sequence: file.progress.sequence,
      };
      const hash = appliedEventHash(row);
      file.digest.add(hash);
      insert({ ...row, hash }, file.digest.bytes());
      return resultJson;
    },
    keep(verdict) {
      file.digest.add(verifyAppliedEvent(verdict).hash);
      insert(verdict, verdict.digest);
    },
    remove(key) {
      const row = find(key);
      if (!row) return;
      db.prepare(sql.remove).run(tenantId, key);
      file.digest.remove(row.hash);
    },
    clear() {
      db.prepare('DELETE FROM applied_events').run();
    },
  };
}

/** The same key again: the stored verdict where the request is the same, an error where it is another. */
export function repeatOf({ offset, record }: PlacedRecord, row: AppliedEventRow): ApplyOutcome {
  if (Buffer.compare(row.request_hash, record.requestHash) === 0)
    return { kind: 'repeated', offset, resultJson: row.result_json };
  return { kind: 'refused', offset, error: keyReused(record, row) };
}

function keyReused(record: WalRecord, row: AppliedEventRow): EntError {
  return new EntError('IDEMPOTENCY_KEY_REUSED', 'the idempotency key was used by another request', {
    tenantId: record.tenantId,
    field: 'idempotency_key',
    hint: 'use a new key for a new request',
    metadata: { first_offset: String(row.offset) },
  });
}
