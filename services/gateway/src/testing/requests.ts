import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  ExecuteAtomicRequestSchema,
  Kind,
  SchemaSchema,
  schemaFingerprint,
  val,
  type ExecuteAtomicRequest,
} from '@entdb/contracts';
import type { Caller } from '../caller.ts';
import type { Limits } from '../limits.ts';

/** Requests, a schema and callers that are good as they are; a spec spoils one thing. */

export type OperationInit = NonNullable<
  MessageInitShape<typeof ExecuteAtomicRequestSchema>['operations']
>[number];
type Op = NonNullable<OperationInit['op']>;
type Init<Case> = NonNullable<Extract<Op, { readonly case: Case }>['value']>;

export const createNode = (value: Init<'createNode'>): OperationInit => ({
  op: { case: 'createNode', value },
});
export const updateNode = (value: Init<'updateNode'>): OperationInit => ({
  op: { case: 'updateNode', value },
});
export const deleteNode = (value: Init<'deleteNode'>): OperationInit => ({
  op: { case: 'deleteNode', value },
});
export const createEdge = (value: Init<'createEdge'>): OperationInit => ({
  op: { case: 'createEdge', value },
});
export const deleteEdge = (value: Init<'deleteEdge'>): OperationInit => ({
  op: { case: 'deleteEdge', value },
});
export const deleteWhere = (value: Init<'deleteWhere'>): OperationInit => ({
  op: { case: 'deleteWhere', value },
});
export const markRead = (value: Init<'markRead'>): OperationInit => ({
  op: { case: 'markRead', value },
});

export function requestOf(
  init: MessageInitShape<typeof ExecuteAtomicRequestSchema> = {},
): ExecuteAtomicRequest {
  return create(ExecuteAtomicRequestSchema, {
    tenantId: 'acme',
    idempotencyKey: 'key-1',
    operations: [createNode({ typeId: 1, fields: { 1: val.str('Ada') } })],
    ...init,
  });
}

export const testLimits: Limits = {
  operationsMax: 5,
  recordBytesMax: 10_000,
  batchTransactionsMax: 3,
  streamInFlightMax: 4,
};

const everyKind = [
  { id: 1, name: 'name', kind: Kind.STR, required: true },
  { id: 2, name: 'age', kind: Kind.INT },
  { id: 3, name: 'score', kind: Kind.FLOAT },
  { id: 4, name: 'role', kind: Kind.ENUM, enumValues: ['admin', 'guest'] },
  { id: 5, name: 'boss', kind: Kind.REF, refTypeId: 1 },
  { id: 6, name: 'tags', kind: Kind.STR, list: true },
  { id: 7, name: 'teams', kind: Kind.REF, list: true, refTypeId: 2 },
];

export const testSchema = create(SchemaSchema, {
  nodeTypes: [
    { id: 1, name: 'User', fields: everyKind },
    { id: 2, name: 'Team', fields: [{ id: 1, name: 'title', kind: Kind.STR }] },
  ],
  edgeTypes: [
    {
      id: 10,
      name: 'member',
      fromTypeIds: [1],
      toTypeIds: [2],
      fields: [{ id: 1, name: 'since', kind: Kind.INT }],
    },
  ],
});

export const testFingerprint = schemaFingerprint(testSchema);

/** A caller that stays, for as long as a test lasts. */
export function callerOf(
  parts: { readonly ms?: number; readonly signal?: AbortSignal } = {},
): Caller {
  return {
    signal: parts.signal ?? new AbortController().signal,
    deadline: performance.now() + (parts.ms ?? 20_000),
  };
}
