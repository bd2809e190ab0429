/** The loop around every write: ask until there is a verdict, the budget is used up, or another try cannot help. */
import { EntError, type Clock, type Rng } from '@entdb/base';
import type { Budget } from '../fleet/budget.ts';
import { toEntError, withMetadata } from '../fleet/errors.ts';
import { decideWrite } from '../fleet/retry.ts';

export interface Effort {
  readonly idempotencyKey: string;
  readonly budget: Budget;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** What a try is told: how many failed before it, and whether the gateway has asked for the schema's definitions. */
export interface Turn {
  readonly failures: number;
  readonly schemaNeeded: boolean;
}

/** Every try carries the same key, so however often it is sent it has one effect. Errors name the key. */
export async function untilAnswered<T>(
  effort: Effort,
  attempt: (turn: Turn) => Promise<T>,
): Promise<T> {
  const { idempotencyKey, budget, clock, rng } = effort;
  let schemaNeeded = false;
  for (let failures = 0; ; failures++) {
    try {
      return await attempt({ failures, schemaNeeded });
    } catch (thrown) {
      const error = whyUnanswered(thrown, budget);
      const remainingMs = budget.remainingMs();
      const decision = decideWrite({ error, failures, remainingMs, rng }, schemaNeeded);
      if (decision.kind === 'send-schema') schemaNeeded = true;
      else if (decision.kind === 'retry') await pause(decision.delayMs);
      // Whoever let the client mint the key learns it here, and can ask for the verdict later.
      else throw withMetadata(error, { idempotency_key: idempotencyKey });
    }
  }

  async function pause(ms: number): Promise<void> {
    try {
      await clock.sleep(ms, budget.signal);
    } catch (thrown) {
      throw withMetadata(toEntError(thrown), { idempotency_key: idempotencyKey });
    }
  }
}

/** A connection that broke says nothing of what became of the write. */
function whyUnanswered(thrown: unknown, { signal }: Budget): EntError {
  if (signal.aborted) return toEntError(signal.reason);
  const error = toEntError(thrown);
  if (error.code !== 'UNREACHABLE') return error;
  return new EntError('OUTCOME_UNKNOWN', `the gateway did not answer: ${error.message}`, {
    cause: error.facts.cause ?? error,
    hint: 'the transaction may or may not be in the log: try again with the same idempotency key',
  });
}
