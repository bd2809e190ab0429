import { EntError } from '@entdb/base';
import {
  errorFromDetail,
  positionFromWire,
  type ExecuteAtomicResponse,
  type LogPosition,
  type OperationResult,
  type TransactionResult,
} from '@entdb/contracts';
import type { NodeId } from '../values/flavor.ts';
import type { Timestamp } from '../values/timestamp.ts';
import { foreignHandle, isHandle, type NodeHandle } from './handle.ts';
import type { BuiltPlan } from './plan.ts';

/** What a planner returned, with ids in place of handles. */
export type Resolved<T> =
  T extends NodeHandle<infer Type>
    ? NodeId<Type>
    : T extends readonly unknown[] | Readonly<Record<string, unknown>>
      ? { readonly [Key in keyof T]: Resolved<T[Key]> }
      : T;

/** The transaction is in the log: it will not be lost. */
export interface Receipt<Returned = unknown> {
  readonly idempotencyKey: string;
  /** Where in the log it stands. Hand it to others who shall read what was written: `consistency: { atLeast: position }`. */
  readonly position: LogPosition;
  /** One for each operation: the id of the node that it creates, else undefined. */
  readonly ids: readonly (string | undefined)[];
  /** The id of a node that the plan created. */
  get<Type extends string>(handle: NodeHandle<Type>): NodeId<Type>;
  /** What the planner returned, with ids in place of handles. */
  readonly returned: Resolved<Returned>;
}

/** The transaction has been applied: reads see it. */
export interface Result<Returned = unknown> extends Receipt<Returned> {
  /** The log's time of the transaction. */
  readonly appliedAt: Timestamp;
  /** One for each operation. */
  readonly operations: readonly OperationOutcome[];
}

export interface OperationOutcome {
  /** The node's id; undefined for edges, delete-where and mark-read. */
  readonly id: string | undefined;
  /** A skipped insert, or the deletion of what is not there, changes nothing. */
  readonly changed: boolean;
  /** What delete-where removed. */
  readonly deletedIds: readonly string[];
}

export type Verdict =
  | {
      readonly kind: 'applied';
      readonly position: LogPosition;
      readonly appliedAt: Timestamp;
      readonly operations: readonly OperationOutcome[];
    }
  | {
      readonly kind: 'rejected';
      readonly position: LogPosition;
      readonly appliedAt: Timestamp;
      readonly error: EntError;
    };

/** Throws INTERNAL where the server left out what its contract promises. */
export function verdictOf(result: TransactionResult | undefined): Verdict {
  if (!result) throw new EntError('INTERNAL', 'the server sent no result, and one was asked for');
  const { outcome, appliedAtUs: appliedAt } = result;
  const position = positionIn(result);
  switch (outcome.case) {
    case 'applied':
      return {
        kind: 'applied',
        position,
        appliedAt,
        operations: outcome.value.operations.map(operationOutcome),
      };
    case 'rejected':
      return { kind: 'rejected', position, appliedAt, error: errorFromDetail(outcome.value) };
    case undefined:
      throw new EntError('INTERNAL', 'the server sent a result without an outcome');
  }
}

export function operationOutcome({ id, changed, deletedIds }: OperationResult): OperationOutcome {
  return { id: id === '' ? undefined : id, changed, deletedIds };
}

export function receiptOf<Returned>(
  key: string,
  plan: BuiltPlan<Returned>,
  response: ExecuteAtomicResponse,
): Receipt<Returned> {
  return makeReceipt(
    key,
    plan,
    positionIn(response),
    response.ids.map((id) => (id === '' ? undefined : id)),
  );
}

/** Throws the verdict where it is a rejection. The ids are the verdict's: a skipped insert means the node that was there. */
export function resultOf<Returned>(
  key: string,
  plan: BuiltPlan<Returned>,
  response: ExecuteAtomicResponse,
): Result<Returned> {
  const verdict = verdictOf(response.result);
  if (verdict.kind === 'rejected') throw verdict.error;
  const { operations, appliedAt, position } = verdict;
  const creates = plan.operations.map(({ op }) => op.case === 'createNode');
  const ids = operations.map(({ id }, i) => (creates[i] ? id : undefined));
  return { ...makeReceipt(key, plan, position, ids), operations, appliedAt };
}

function makeReceipt<Returned>(
  idempotencyKey: string,
  plan: BuiltPlan<Returned>,
  position: LogPosition,
  ids: readonly (string | undefined)[],
): Receipt<Returned> {
  const get = (handle: NodeHandle): string => {
    const id = plan.owns(handle) ? ids[handle.operation] : undefined;
    if (id === undefined) throw foreignHandle('handle');
    return id;
  };
  const returned = resolve(plan.returned, get) as Resolved<Returned>; // handles become ids, all else stays
  return { idempotencyKey, position, ids, get, returned };
}

/** Looks into lists and plain objects; what else a planner returns is its own affair. */
function resolve(value: unknown, get: (handle: NodeHandle) => string): unknown {
  if (isHandle(value)) return get(value);
  if (Array.isArray(value)) return value.map((item) => resolve(item, get));
  if (
    typeof value !== 'object' ||
    value === null ||
    Object.getPrototypeOf(value) !== Object.prototype
  )
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, resolve(part, get)]));
}

function positionIn({
  position,
}: {
  readonly position?: Parameters<typeof positionFromWire>[0] | undefined;
}): LogPosition {
  if (!position) throw new EntError('INTERNAL', 'the server sent an answer without a position');
  return positionFromWire(position);
}
