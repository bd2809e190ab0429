/** Sends transactions: on one stream where it can, else in calls of their own, and again where another try can help. */
import type { Clock, Rng } from '@entdb/base';
import type { ExecuteAtomicRequest, ExecuteAtomicResponse, Schema } from '@entdb/contracts';
import { attemptWithin, startBudget, type Budget } from '../fleet/budget.ts';
import type { Server } from '../fleet/connection.ts';
import { toEntError } from '../fleet/errors.ts';
import { createPipeline, responseOf } from './pipeline.ts';
import { wireBytesMax } from './size.ts';
import { untilAnswered } from './until-answered.ts';

export interface Writer {
  /** One transaction. Throws its verdict where it is an error, or why there is none. */
  execute(request: ExecuteAtomicRequest, budget: Budget): Promise<ExecuteAtomicResponse>;
  /** Independent transactions, first tried in few calls; each has its own verdict, in their order. */
  executeBatch(
    requests: readonly ExecuteAtomicRequest[],
    budget: Budget,
  ): readonly Promise<ExecuteAtomicResponse>[];
  close(): void;
}

export interface WriterOptions {
  readonly gateway: Server;
  readonly schema: Schema;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly mode: 'auto' | 'unary';
  readonly outstandingMax: number;
  readonly attemptTimeoutMs: number;
}

type Send = (request: ExecuteAtomicRequest) => Promise<ExecuteAtomicResponse>;

const streamLingerMs = 1_000;
/** What is larger travels by itself. */
const streamableBytesMax = 256 * 1024;
const batchTransactionsMax = 256;
const batchBytesMax = 1024 * 1024;

export function createWriter(options: WriterOptions): Writer {
  const { gateway, schema, clock, rng, attemptTimeoutMs } = options;
  const pipeline = createPipeline({
    open: (requests, signal) => gateway.command.executeStream(requests, { signal }),
    clock,
    rng,
    outstandingMax: options.outstandingMax,
    lingerMs: streamLingerMs,
  });
  let streams = options.mode === 'auto';

  async function send(
    request: ExecuteAtomicRequest,
    budget: Budget,
  ): Promise<ExecuteAtomicResponse> {
    if (streams && wireBytesMax(request) <= streamableBytesMax) {
      try {
        return await submit(request, budget);
      } catch (error) {
        if (toEntError(error).code !== 'UNIMPLEMENTED') throw error;
        streams = false; // a transport without streams in both directions, for example a browser's
      }
    }
    return gateway.command.executeAtomic(request, attemptWithin(budget, attemptTimeoutMs));
  }

  /** A verdict can get lost, with the applier that had it ready: the next try with the same key is answered anew. */
  async function submit(request: ExecuteAtomicRequest, budget: Budget) {
    const remainingMs = budget.remainingMs();
    if (remainingMs <= attemptTimeoutMs) return pipeline.submit(request, budget.signal);
    using attempt = startBudget(clock, attemptTimeoutMs, budget.signal);
    return await pipeline.submit(request, attempt.signal);
  }

  function execute(request: ExecuteAtomicRequest, budget: Budget, sendFirst: Send) {
    const effort = { idempotencyKey: request.idempotencyKey, budget, clock, rng };
    return untilAnswered(effort, ({ failures, schemaNeeded }) =>
      failures === 0
        ? sendFirst(request)
        : send(schemaNeeded ? { ...request, schema } : request, budget),
    );
  }

  return {
    execute: (request, budget) => execute(request, budget, (first) => send(first, budget)),
    executeBatch: (requests, budget) =>
      chunksOf(requests).flatMap((transactions) => {
        const call = gateway.command.executeBatch(
          { transactions },
          attemptWithin(budget, attemptTimeoutMs),
        );
        return transactions.map((request, i) =>
          execute(request, budget, async () => responseOf((await call).outcomes[i])),
        );
      }),
    close: () => pipeline.close(),
  };
}

/** In their order, each chunk within the limits of one call. */
function chunksOf(requests: readonly ExecuteAtomicRequest[]): readonly ExecuteAtomicRequest[][] {
  const chunks: ExecuteAtomicRequest[][] = [];
  let room = { transactions: 0, bytes: 0 };
  for (const request of requests) {
    const bytes = wireBytesMax(request);
    const chunk = chunks.at(-1);
    if (chunk && room.transactions > 0 && room.bytes >= bytes) {
      chunk.push(request);
      room = { transactions: room.transactions - 1, bytes: room.bytes - bytes };
    } else {
      chunks.push([request]);
      room = { transactions: batchTransactionsMax - 1, bytes: batchBytesMax - bytes };
    }
  }
  return chunks;
}
