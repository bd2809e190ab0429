import { isEntError, type LogPosition } from '@entdb/client';

/** What became of a write, as the program that made it saw it. */
export type Answer =
  /** The log has it, and a receipt says where. */
  | { readonly kind: 'durable'; readonly position: LogPosition }
  /** It has been applied, or rejected for ever. */
  | { readonly kind: 'verdict'; readonly rejected: boolean }
  /** Nobody answered in time: it happened or it did not. */
  | { readonly kind: 'unknown'; readonly code: string };

export interface Entry {
  readonly tenantId: string;
  readonly key: string;
  /** The gateway that was asked. */
  readonly gateway: number;
  readonly answer: Answer;
}

/** Every write that was answered or given up, in memory. */
export interface Ledger {
  readonly entries: readonly Entry[];
  readonly acknowledged: number;
  write(entry: Entry): void;
}

export function createLedger(): Ledger {
  const entries: Entry[] = [];
  let acknowledged = 0;
  return {
    entries,
    get acknowledged() {
      return acknowledged;
    },
    write: (entry) => {
      entries.push(entry);
      if (entry.answer.kind !== 'unknown') acknowledged += 1;
    },
  };
}

/** A stored rejection has a place in the log and is final; what may be tried again says only that there was no answer. */
export function answerOf(error: unknown): Answer {
  if (!isEntError(error)) throw error;
  if (error.retriable) return { kind: 'unknown', code: error.code };
  if (error.facts.position !== undefined) return { kind: 'verdict', rejected: true };
  throw error;
}
