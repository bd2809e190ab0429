import { EntError } from '@entdb/base';
import type { ExecuteBatchRequest, ExecuteBatchResponse } from '@entdb/contracts';
import type { Caller } from '../caller.ts';
import type { Limits } from '../limits.ts';
import type { Execute } from './execute-atomic.ts';
import { outcomeOf } from './outcome.ts';

/** All transactions at once: they meet in the lanes, and those of one tenant stand in the order of the request. */
export function createExecuteBatch(execute: Execute, { batchTransactionsMax }: Limits) {
  return async (
    { transactions }: ExecuteBatchRequest,
    caller: Caller,
  ): Promise<ExecuteBatchResponse> => {
    if (transactions.length > batchTransactionsMax) {
      throw new EntError(
        'INVALID_ARGUMENT',
        `the batch has ${transactions.length} transactions; it may have ${batchTransactionsMax}`,
        {
          field: 'transactions',
          hint: 'split the batch, or use ExecuteStream',
          metadata: { limit: String(batchTransactionsMax) },
        },
      );
    }
    const outcomes = transactions.map((transaction) => outcomeOf(execute(transaction, caller)));
    return { $typeName: 'entdb.v1.ExecuteBatchResponse', outcomes: await Promise.all(outcomes) };
  };
}
