import { EntError } from '@entdb/base';
import type { ErrorDetail } from './gen/entdb/v1/value_pb.ts';
import type { Applied, OperationResult, TransactionResult } from './gen/entdb/v1/transaction_pb.ts';
import { positionToWire, type LogPosition } from './position.ts';

/**
 * The stored verdict (`applied_events.result_json`): compact JSON with a fixed order of keys and without defaults, so that one verdict has
 * one text. It is stored once and handed out as it stands.
 */
export interface Verdict {
  readonly position: LogPosition;
  /** Log-append time, microseconds. */
  readonly appliedAtUs: number;
  readonly outcome:
    | { readonly case: 'applied'; readonly operations: readonly OperationVerdict[] }
    | { readonly case: 'rejected'; readonly error: RejectedVerdict };
}

export interface OperationVerdict {
  readonly id?: string;
  readonly changed: boolean;
  readonly deletedIds?: readonly string[];
}

export interface RejectedVerdict {
  readonly code: string;
  readonly message: string;
  readonly field?: string;
  readonly hint?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export function verdictToJson(verdict: Verdict): string {
  const { topic, partition, offset, epoch } = verdict.position;
  const head = {
    position: { topic, partition, offset, epoch },
    applied_at_us: verdict.appliedAtUs,
  };
  if (verdict.outcome.case === 'applied') {
    const operations = verdict.outcome.operations.map(({ id, changed, deletedIds }) => ({
      ...(id !== undefined && { id }),
      changed,
      ...(deletedIds && { deleted_ids: deletedIds }),
    }));
    return JSON.stringify({ ...head, applied: { operations } });
  }
  const { code, message, field, hint, metadata } = verdict.outcome.error;
  return JSON.stringify({ ...head, rejected: { code, message, field, hint, metadata } });
}

interface VerdictJson {
  readonly position: LogPosition;
  readonly applied_at_us: number;
  readonly applied?: {
    readonly operations: readonly {
      readonly id?: string;
      readonly changed: boolean;
      readonly deleted_ids?: readonly string[];
    }[];
  };
  readonly rejected?: RejectedVerdict;
}

/** The wire's form of a stored verdict. Throws STORE_CORRUPT for a text that `verdictToJson` cannot have made. */
export function resultFromJson(text: string, tenantId: string): TransactionResult {
  let json: VerdictJson;
  try {
    json = JSON.parse(text) as VerdictJson; // our own text, under the row's checksum
  } catch (cause) {
    throw new EntError('STORE_CORRUPT', 'a stored result is not JSON', { tenantId, cause });
  }
  const position = positionToWire(json.position);
  const base = {
    $typeName: 'entdb.v1.TransactionResult',
    position,
    appliedAtUs: BigInt(json.applied_at_us),
  } as const;
  if (json.applied) {
    const operations = json.applied.operations.map(
      ({ id = '', changed, deleted_ids = [] }): OperationResult => ({
        $typeName: 'entdb.v1.OperationResult',
        id,
        changed,
        deletedIds: [...deleted_ids],
        deletedCount: deleted_ids.length,
      }),
    );
    const applied: Applied = { $typeName: 'entdb.v1.Applied', operations };
    return { ...base, outcome: { case: 'applied', value: applied } };
  }
  if (!json.rejected)
    throw new EntError('STORE_CORRUPT', 'a stored result has no outcome', { tenantId });
  const { code, message, field = '', hint = '', metadata = {} } = json.rejected;
  const rejected: ErrorDetail = {
    $typeName: 'entdb.v1.ErrorDetail',
    code,
    message,
    field,
    hint,
    tenantId,
    position,
    retryAfterMs: 0,
    metadata: { ...metadata },
  };
  return { ...base, outcome: { case: 'rejected', value: rejected } };
}
