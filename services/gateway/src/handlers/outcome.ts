import { EntError } from '@entdb/base';
import { errorToDetail, type ExecuteAtomicResponse, type ExecuteOutcome } from '@entdb/contracts';

/** What came of one transaction among many. A fault of the program is no outcome: it ends the call. */
export async function outcomeOf(work: Promise<ExecuteAtomicResponse>): Promise<ExecuteOutcome> {
  try {
    return outcome({ case: 'response', value: await work });
  } catch (error) {
    if (error instanceof EntError) return outcome({ case: 'error', value: errorToDetail(error) });
    throw error;
  }
}

function outcome(value: ExecuteOutcome['outcome']): ExecuteOutcome {
  return { $typeName: 'entdb.v1.ExecuteOutcome', outcome: value };
}
