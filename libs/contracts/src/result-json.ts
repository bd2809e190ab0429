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

/** Put together by hand: every record is given its verdict, and objects made only to be printed cost several times as much. */
export function verdictToJson(verdict: Verdict): string {
  const { topic, partition, offset, epoch } = verdict.position;
  const position = `{"topic":${JSON.stringify(topic)},"partition":${partition},"offset":${offset},"epoch":${epoch}}`;
  const outcome =
    verdict.outcome.case === 'applied'
      ? `"applied":{"operations":[${verdict.outcome.operations.map(operationToJson).join(',')}]}`
      : `"rejected":${rejectedToJson(verdict.outcome.error)}`;
  return `{"position":${position},"applied_at_us":${verdict.appliedAtUs},${outcome}}`;
}

function operationToJson({ id, changed, deletedIds }: OperationVerdict): string {
  const named = id === undefined ? '' : `"id":${JSON.stringify(id)},`;
  const deleted = deletedIds ? `,"deleted_ids":${JSON.stringify(deletedIds)}` : '';
  return `{${named}"changed":${changed}${deleted}}`;
}

function rejectedToJson({ code, message, field, hint, metadata }: RejectedVerdict): string {
  const facts = metadata && sortedByKey(metadata);
  return JSON.stringify({ code, message, field, hint, metadata: facts });
}

function sortedByKey(facts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The wire's form of a stored verdict. Throws STORE_CORRUPT for a text that is none. Keys of a later version are passed over. */
export function resultFromJson(text: string, tenantId: string): TransactionResult {
  const json = parseVerdict(text, tenantId);
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

type VerdictJson = {
  readonly position: LogPosition;
  readonly applied_at_us: number;
} & (
  | { readonly applied: { readonly operations: readonly OperationJson[] } }
  | { readonly applied?: undefined; readonly rejected: RejectedVerdict }
);

interface OperationJson {
  readonly id?: string;
  readonly changed: boolean;
  readonly deleted_ids?: readonly string[];
}

function parseVerdict(text: string, tenantId: string): VerdictJson {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new EntError('STORE_CORRUPT', 'a stored result is not JSON', { tenantId, cause });
  }
  if (isVerdict(json)) return json;
  throw new EntError('STORE_CORRUPT', 'a stored result is not a verdict', { tenantId });
}

function isVerdict(json: unknown): json is VerdictJson {
  if (!isObject(json) || !isCount(json.applied_at_us) || !isPosition(json.position)) return false;
  const { applied, rejected } = json;
  if (isObject(applied)) {
    return rejected === undefined && isListOf(applied.operations, isOperation);
  }
  return applied === undefined && isRejected(rejected);
}

function isPosition(json: unknown): boolean {
  if (!isObject(json)) return false;
  return isText(json.topic) && [json.partition, json.offset, json.epoch].every(isCount);
}

function isOperation(json: unknown): boolean {
  if (!isObject(json) || typeof json.changed !== 'boolean') return false;
  const { id, deleted_ids: deletedIds } = json;
  return (
    (id === undefined || isText(id)) && (deletedIds === undefined || isListOf(deletedIds, isText))
  );
}

function isRejected(json: unknown): boolean {
  if (!isObject(json) || !isText(json.code) || !isText(json.message)) return false;
  const { field = '', hint = '', metadata = {} } = json;
  return (
    isText(field) && isText(hint) && isObject(metadata) && isListOf(Object.values(metadata), isText)
  );
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isListOf(json: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(json) && json.every(isItem);
}

function isText(json: unknown): json is string {
  return typeof json === 'string';
}

function isCount(json: unknown): json is number {
  return Number.isSafeInteger(json) && (json as number) >= 0;
}
