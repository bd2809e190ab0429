import {
  createIdMint,
  encodeTransaction,
  requestHashOf,
  type CompiledSchema,
  type ExecuteAtomicRequest,
  type Transaction,
} from '@entdb/contracts';
import type { Limits } from './limits.ts';
import { resolveTransaction } from './resolve/transaction.ts';
import { refuseUnknown } from './resolve/unknown-parts.ts';
import { checkOperations } from './validate/operations.ts';
import { checkPreconditions } from './validate/preconditions.ts';
import {
  checkCounts,
  parseCommandKey,
  waitsForVerdict,
  type CommandKey,
} from './validate/request.ts';

/** A request that is found good, as far as that can be said without the tenant's state. */
export interface TransactionPlan {
  readonly key: CommandKey;
  readonly waitsForVerdict: boolean;
  readonly schema: CompiledSchema | undefined;
  readonly transaction: Transaction;
  /** Its canonical bytes, encoded once: for the hash and for the record. */
  readonly transactionBytes: Uint8Array;
  readonly requestHash: Uint8Array;
  /** One per operation: the id of the node that it creates, else empty. */
  readonly ids: readonly string[];
}

/**
 * Pure, but for the schema that it asks for: from request to what shall stand in the log. The same request gives the same plan in every
 * gateway, at every try (P2). Throws an EntError with the path of the first fault.
 */
export function planTransaction(
  request: ExecuteAtomicRequest,
  schemaOf: (request: ExecuteAtomicRequest) => CompiledSchema | undefined,
  limits: Limits,
): TransactionPlan {
  refuseUnknown(request, () => 'transaction');
  const key = parseCommandKey(request);
  const waits = waitsForVerdict(request.wait);
  checkCounts(request, limits);
  const schema = schemaOf(request);
  const mint = createIdMint(key.tenantId, key.idempotencyKey);
  const { transaction, ids } = resolveTransaction(request, mint);
  checkPreconditions(transaction.preconditions, schema);
  checkOperations(transaction.operations, schema);
  const transactionBytes = encodeTransaction(transaction);
  return {
    key,
    waitsForVerdict: waits,
    schema,
    transaction,
    transactionBytes,
    requestHash: requestHashOf(transactionBytes),
    ids,
  };
}
