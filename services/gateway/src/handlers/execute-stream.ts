import { EntError } from '@entdb/base';
import type { ExecuteOutcome, ExecuteStreamRequest, ExecuteStreamResponse } from '@entdb/contracts';
import { errorToDetail } from '@entdb/contracts';
import type { Caller } from '../caller.ts';
import type { Limits } from '../limits.ts';
import { createOutcomeQueue, type OutcomeQueue } from '../outcome-queue.ts';
import type { Execute } from './execute-atomic.ts';
import { outcomeOf } from './outcome.ts';

/**
 * Many transactions in flight, each with its own outcome. When so many are open that the client does not take their outcomes, no more is
 * read. It ends when the client has closed its side and all outcomes are out; when the server drains, those in flight still get their outcomes, and
 * then the stream ends with SHUTTING_DOWN: what has no outcome by then was not sent.
 */
export function createExecuteStream(
  execute: Execute,
  { streamInFlightMax }: Limits,
  draining: AbortSignal,
) {
  const run = async (
    { id, transaction }: ExecuteStreamRequest,
    caller: Caller,
  ): Promise<ExecuteStreamResponse> => ({
    $typeName: 'entdb.v1.ExecuteStreamResponse',
    id,
    outcome: transaction ? await outcomeOf(execute(transaction, caller)) : withoutTransaction,
  });

  return async function* executeStream(
    requests: AsyncIterable<ExecuteStreamRequest>,
    caller: Caller,
  ): AsyncGenerator<ExecuteStreamResponse, void, undefined> {
    const queue = createOutcomeQueue<ExecuteStreamResponse>(streamInFlightMax);
    const drain = () =>
      queue.finish(
        new EntError('SHUTTING_DOWN', 'the gateway is stopping', {
          hint: 'go on with another connection',
        }),
      );
    draining.addEventListener('abort', drain, { once: true });
    if (draining.aborted) drain();
    void readInto(queue, requests, (request) => run(request, caller));
    try {
      yield* queue.results();
    } finally {
      queue.finish(); // the reader stops, too, when the client went away
      draining.removeEventListener('abort', drain);
    }
  };
}

async function readInto(
  queue: OutcomeQueue<ExecuteStreamResponse>,
  requests: AsyncIterable<ExecuteStreamRequest>,
  run: (request: ExecuteStreamRequest) => Promise<ExecuteStreamResponse>,
): Promise<void> {
  try {
    for await (const request of requests) {
      await queue.room();
      if (queue.finished) return;
      queue.start(run(request));
    }
    queue.finish();
  } catch (error) {
    queue.finish(error);
  }
}

const withoutTransaction: ExecuteOutcome = {
  $typeName: 'entdb.v1.ExecuteOutcome',
  outcome: {
    case: 'error',
    value: errorToDetail(
      new EntError('INVALID_ARGUMENT', 'the message has no transaction', { field: 'transaction' }),
    ),
  },
};
