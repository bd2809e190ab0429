import {
  EntError,
  parseIdempotencyKey,
  parseTenantId,
  type IdempotencyKey,
  type TenantId,
} from '@entdb/base';
import { Wait, type ExecuteAtomicRequest } from '@entdb/contracts';
import type { Limits } from '../limits.ts';

/** Whose transaction it is and under which key. */
export interface CommandKey {
  readonly tenantId: TenantId;
  readonly idempotencyKey: IdempotencyKey;
}

/** Throws INVALID_TENANT_ID, INVALID_IDEMPOTENCY_KEY. */
export function parseCommandKey(request: {
  readonly tenantId: string;
  readonly idempotencyKey: string;
}): CommandKey {
  return {
    tenantId: parseTenantId(request.tenantId),
    idempotencyKey: parseIdempotencyKey(request.idempotencyKey),
  };
}

/** Throws EMPTY_TRANSACTION, TOO_MANY_OPERATIONS. */
export function checkCounts(request: ExecuteAtomicRequest, { operationsMax }: Limits): void {
  if (request.operations.length === 0) {
    throw new EntError('EMPTY_TRANSACTION', 'the transaction has no operation', {
      field: 'operations',
      hint: 'to read without writing, use QueryService',
    });
  }
  for (const part of ['operations', 'preconditions'] as const) {
    const count = request[part].length;
    if (count <= operationsMax) continue;
    throw new EntError(
      'TOO_MANY_OPERATIONS',
      `the transaction has ${count} ${part}; it may have ${operationsMax}`,
      {
        field: part,
        hint: 'split it into several transactions',
        metadata: { limit: String(operationsMax) },
      },
    );
  }
}

/** Whether the caller waits for the verdict. Throws INVALID_ARGUMENT for a number that is none of the enum's. */
export function waitsForVerdict(wait: Wait): boolean {
  switch (wait) {
    case Wait.UNSPECIFIED:
    case Wait.DURABLE:
      return false;
    case Wait.APPLIED:
      return true;
    default:
      throw new EntError('INVALID_ARGUMENT', `there is no wait of number ${String(wait)}`, {
        field: 'wait',
        hint: 'use WAIT_DURABLE or WAIT_APPLIED',
      });
  }
}
