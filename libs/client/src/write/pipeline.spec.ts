/**
 * Method: a server that answers in any order and whose streams break at random places; what it has done it remembers by key.
 * However the streams break, each transaction gets exactly its own verdict, has one effect, and is sent in order.
 */
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { realClock, realRng } from '@entdb/base';
import {
  ExecuteAtomicRequestSchema,
  ExecuteAtomicResponseSchema,
  ExecuteOutcomeSchema,
  ExecuteStreamResponseSchema,
  type ExecuteStreamRequest,
  type ExecuteStreamResponse,
} from '@entdb/contracts';
import fc from 'fast-check';
import { createPipeline, type OpenStream, type Pipeline } from './pipeline.ts';

const quick = {
  ...realClock,
  sleep: (ms: number, signal?: AbortSignal) => realClock.sleep(Math.min(ms, 2), signal),
};
const requestOf = (key: string) =>
  create(ExecuteAtomicRequestSchema, { tenantId: 't', idempotencyKey: key });
const never = new AbortController().signal;

const pipelines: Pipeline[] = [];
function pipelineOn(open: OpenStream, outstandingMax = 4): Pipeline {
  const pipeline = createPipeline({
    open,
    clock: quick,
    rng: realRng,
    outstandingMax,
    lingerMs: 5,
  });
  pipelines.push(pipeline);
  return pipeline;
}
afterEach(() => pipelines.splice(0).forEach((pipeline) => pipeline.close()));

function answer({ id, transaction }: ExecuteStreamRequest): ExecuteStreamResponse {
  const value = create(ExecuteAtomicResponseSchema, { ids: [transaction!.idempotencyKey] });
  const outcome = create(ExecuteOutcomeSchema, { outcome: { case: 'response', value } });
  return create(ExecuteStreamResponseSchema, { id, outcome });
}

/** Takes up to `depth` requests before it answers the last of them first; breaks after so many answers. */
function breakingServer(breaks: readonly number[], depth: number) {
  const seen: string[] = [];
  const left = [...breaks];
  let streams = 0;
  const open: OpenStream = async function* (requests) {
    streams++;
    const breakAfter = left.shift() ?? Infinity;
    const held: ExecuteStreamRequest[] = [];
    let answered = 0;
    for await (const request of requests) {
      seen.push(request.transaction!.idempotencyKey);
      held.push(request);
      // Never more than what may be outstanding, or the last ones would wait for a request that cannot come.
      if (held.length < depth && seen.length % 7 !== 0) continue;
      while (held.length > 0) {
        if (answered++ === breakAfter) throw new ConnectError('broken', Code.Unavailable);
        yield answer(held.pop()!);
      }
    }
  };
  return { open, seen, streams: () => streams };
}

describe('the pipeline', () => {
  it('gives each transaction its own verdict, however the streams break', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 5 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 8 }),
        async (breaks, count, outstandingMax) => {
          const server = breakingServer(breaks, 1);
          const pipeline = pipelineOn(server.open, outstandingMax);
          const keys = Array.from({ length: count }, (_, i) => `key-${i}`);
          const answers = await Promise.all(
            keys.map((key) => pipeline.submit(requestOf(key), never)),
          );
          expect(answers.map(({ ids }) => ids[0])).toEqual(keys);
          expect(new Set(server.seen)).toEqual(new Set(keys));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('matches verdicts that come in another order', async () => {
    const server = breakingServer([], 3);
    const pipeline = pipelineOn(server.open, 3);
    const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
    const answers = await Promise.all(keys.map((key) => pipeline.submit(requestOf(key), never)));
    expect(answers.map(({ ids }) => ids[0])).toEqual(keys);
    expect(server.seen).toEqual(keys);
  });

  it('sends what has no answer again in the order in which it came', async () => {
    const server = breakingServer([1], 1);
    const pipeline = pipelineOn(server.open, 3);
    await Promise.all(['a', 'b', 'c', 'd'].map((key) => pipeline.submit(requestOf(key), never)));
    const again = server.seen.slice(server.seen.indexOf('b') + 1);
    expect(server.seen.slice(0, 2)).toEqual(['a', 'b']);
    expect(again.slice(-3)).toEqual(['b', 'c', 'd']);
    expect(server.streams()).toBe(2);
  });

  it('keeps no more without an answer than it may', async () => {
    let most = 0;
    const pipeline = pipelineOn(async function* (requests) {
      const held: ExecuteStreamRequest[] = [];
      const taking = (async () => {
        for await (const request of requests) held.push(request);
      })();
      for (let answered = 0; answered < 10; answered++) {
        // The client has all the time it wants to send more before each answer.
        for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
        most = Math.max(most, held.length);
        yield answer(held.shift()!);
      }
      await taking;
    }, 2);
    const keys = Array.from({ length: 10 }, (_, i) => `key-${i}`);
    await Promise.all(keys.map((key) => pipeline.submit(requestOf(key), never)));
    expect(most).toBe(2);
  });

  it('lets one go whose signal is aborted, and serves the others', async () => {
    const open = Promise.withResolvers<void>();
    const server = breakingServer([], 1);
    const pipeline = pipelineOn(async function* (requests, signal) {
      await open.promise;
      yield* server.open(requests, signal);
    });
    const controller = new AbortController();
    const gone = pipeline.submit(requestOf('gone'), controller.signal);
    const stays = pipeline.submit(requestOf('stays'), never);
    controller.abort(new Error('enough'));
    await expect(gone).rejects.toThrow('enough');
    open.resolve();
    expect((await stays).ids).toEqual(['stays']);
    expect(server.seen).toEqual(['stays']);
  });

  it('opens another stream after an idle one has ended', async () => {
    const server = breakingServer([], 1);
    const ended: Promise<void>[] = [];
    const pipeline = pipelineOn(async function* (requests, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      ended.push(promise);
      yield* server.open(requests, signal);
      resolve();
    });
    await pipeline.submit(requestOf('a'), never);
    await ended[0];
    await pipeline.submit(requestOf('b'), never);
    expect(server.streams()).toBe(2);
  });

  it('fails all at once on an error that time does not heal', async () => {
    const pipeline = pipelineOn(() => {
      throw new ConnectError('no', Code.Unimplemented);
    });
    const answers = await Promise.allSettled(
      ['a', 'b'].map((key) => pipeline.submit(requestOf(key), never)),
    );
    expect(answers).toMatchObject([
      { reason: { code: 'UNIMPLEMENTED' } },
      { reason: { code: 'UNIMPLEMENTED' } },
    ]);
  });

  it('fails what is open when it is closed, and what comes after', async () => {
    const server = breakingServer([], 2);
    const pipeline = pipelineOn(server.open);
    const open = pipeline.submit(requestOf('a'), never);
    pipeline.close();
    await expect(open).rejects.toMatchObject({ code: 'CANCELED' });
    await expect(pipeline.submit(requestOf('b'), never)).rejects.toMatchObject({
      code: 'CANCELED',
    });
  });
});
