import { EntError, isEntError, type Clock } from '@entdb/base';
import {
  positionToWire,
  type LogPosition,
  type Transaction,
  type WatchResponse,
} from '@entdb/contracts';
import type { Positions } from '../fleet/positions.ts';
import type { Reader } from '../fleet/reader.ts';
import type { Timestamp } from '../values/timestamp.ts';
import { operationOutcome, type OperationOutcome } from '../write/result.ts';
import { seenIn } from './scope.ts';

/** A transaction that was applied. Rejected ones change nothing and are not told. */
export interface WatchEvent {
  /** Go on from here: `watch({ after: event.position })`. */
  readonly position: LogPosition;
  readonly idempotencyKey: string;
  readonly appliedAt: Timestamp;
  /** As it stands in the log, fields by their numbers; ids in place of aliases. */
  readonly transaction: Transaction;
  /** One for each operation of the transaction. */
  readonly operations: readonly OperationOutcome[];
}

export interface WatchOptions {
  /** The first event comes after this position; without it, from the first transaction that the log still holds. */
  readonly after?: LogPosition;
  readonly signal?: AbortSignal;
}

export interface WatchContext {
  readonly tenantId: string;
  readonly reader: Reader;
  readonly positions: Positions;
  readonly clock: Clock;
}

/**
 * A tenant's applied transactions in their order, each once. A stream that breaks is opened again after the last event that
 * was handed out. Ends when the signal is aborted or the loop is left.
 *
 * Throws STALE_EPOCH where the tenant was restored or made again: its events no longer tell its state. Read the state anew (a read of the session is
 * then at least that of the restore) and watch after the position that was read, `tenant.position`.
 */
export async function* watch(
  context: WatchContext,
  options: WatchOptions,
): AsyncGenerator<WatchEvent> {
  const { tenantId, reader, positions } = context;
  const left = new AbortController();
  const onAbort = (): void => left.abort(options.signal?.reason);
  if (options.signal?.aborted) return;
  options.signal?.addEventListener('abort', onAbort, { once: true });
  let last = options.after;
  try {
    const responses = reader.follow(tenantId, left.signal, (query, signal) =>
      query.watch({ tenantId, ...(last && { after: positionToWire(last) }) }, { signal }),
    );
    for await (const response of responses) {
      const event = eventOf(response);
      last = event.position;
      positions.saw(tenantId, event.position);
      yield event;
    }
  } catch (error) {
    if (isEntError(error, 'STALE_EPOCH')) positions.ended(tenantId, error);
    if (!left.signal.aborted) throw error; // aborted by the caller: the end that was asked for
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
    left.abort();
  }
}

function eventOf(response: WatchResponse): WatchEvent {
  const { transaction, applied, idempotencyKey, appliedAtUs: appliedAt } = response;
  if (!transaction || !applied)
    throw new EntError('INTERNAL', 'the server sent an event without its transaction');
  const operations = applied.operations.map(operationOutcome);
  return { position: seenIn(response), idempotencyKey, appliedAt, transaction, operations };
}
