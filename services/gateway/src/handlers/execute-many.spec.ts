/** Method: batches and streams against gateways on a log in memory; what the client does is a generator that the test steps through. */
import { EntError } from '@entdb/base';
import {
  Wait,
  type ExecuteBatchRequest,
  type ExecuteStreamRequest,
  type ExecuteStreamResponse,
} from '@entdb/contracts';
import { callOf, handlersOf, startTestFleet, type TestFleet } from '../testing/gateways.ts';
import { requestOf } from '../testing/requests.ts';

let fleet: TestFleet;
const begin = async (silent = false) => {
  fleet = await startTestFleet({ silent });
};
afterEach(() => fleet.close());

const transactionOf = (idempotencyKey: string, init: object = {}) =>
  requestOf({ idempotencyKey, wait: Wait.APPLIED, ...init });
const batchOf = (...transactions: ExecuteBatchRequest['transactions']): ExecuteBatchRequest => ({
  $typeName: 'entdb.v1.ExecuteBatchRequest',
  transactions,
});
const messageOf = (id: number, transaction = transactionOf(`key-${id}`)): ExecuteStreamRequest => ({
  $typeName: 'entdb.v1.ExecuteStreamRequest',
  id: BigInt(id),
  transaction,
});

type Response = ExecuteStreamResponse;

async function streamOf(requests: AsyncIterable<ExecuteStreamRequest>) {
  const gateway = await fleet.gateway();
  const responses = handlersOf(gateway).executeStream(
    requests,
    callOf(),
  ) as AsyncGenerator<Response>;
  return { gateway, responses };
}

const codeOf = ({ outcome }: Response) => {
  const inner = outcome?.outcome;
  return inner?.case === 'error' ? inner.value.code : inner?.case;
};

/** A client that goes on for ever, and how many messages were taken from it. */
function endlessClient() {
  const client = { taken: 0, ended: false, requests };
  async function* requests() {
    try {
      for (;;) {
        client.taken += 1;
        yield messageOf(client.taken);
      }
    } finally {
      client.ended = true;
    }
  }
  return client;
}

/** The outcome is on its way out only after everything that could happen before it has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}

describe('a batch', () => {
  it('has an outcome for each, in the order of the request, as the log has them', async () => {
    await begin();
    const { executeBatch } = handlersOf(await fleet.gateway());
    const { outcomes } = await executeBatch(
      batchOf(transactionOf('a'), transactionOf('b', { operations: [] }), transactionOf('c')),
      callOf(),
    );
    const seen = outcomes!.map(({ outcome }) =>
      outcome!.case === 'response'
        ? outcome!.value.position!.offset
        : (outcome!.value as { code: string }).code,
    );
    expect(seen).toEqual([0n, 'EMPTY_TRANSACTION', 1n]);
    expect(fleet.applier.seen.map(({ record }) => record.idempotencyKey)).toEqual(['a', 'c']);
  });

  it('may be empty, and may not be longer than the limit', async () => {
    await begin();
    const { executeBatch } = handlersOf(await fleet.gateway());
    expect((await executeBatch(batchOf(), callOf())).outcomes).toEqual([]);
    const four = batchOf(...'abcd'.split('').map((key) => transactionOf(key)));
    await expect(executeBatch(four, callOf())).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      facts: { field: 'transactions' },
    });
    expect(fleet.applier.seen).toEqual([]);
  });
});

describe('a stream', () => {
  it('has an outcome for each message, good or bad, and ends when the client has', async () => {
    await begin();
    const { responses } = await streamOf(
      (async function* () {
        yield messageOf(1);
        yield messageOf(2, transactionOf('bad', { operations: [] }));
        const { transaction: _, ...without } = messageOf(3);
        yield without;
        yield messageOf(4);
      })(),
    );
    const codes = new Map<bigint, unknown>();
    for await (const response of responses) codes.set(response.id, codeOf(response));
    expect(codes).toEqual(
      new Map([
        [1n, 'response'],
        [2n, 'EMPTY_TRANSACTION'],
        [3n, 'INVALID_ARGUMENT'],
        [4n, 'response'],
      ]),
    );
  });

  it('reads no further while too many are open, whether the log or the reader is slow', async () => {
    await begin(true);
    const client = endlessClient();
    const { responses } = await streamOf(client.requests());
    const first = responses.next();
    await settled();
    expect(client.taken).toBe(5); // four in flight, and one in the hand
    fleet.applier.resume();
    await first;
    await settled();
    const taken = client.taken;
    await settled();
    expect(client.taken).toBe(taken); // four outcomes wait for their reader
    expect(taken).toBeLessThanOrEqual(6);
    await responses.next();
    await responses.next();
    await settled();
    expect(client.taken).toBeGreaterThan(taken);
    await responses.return(undefined);
    await settled();
    expect(client.ended).toBe(true);
  });

  it('gives the outcomes of those in flight when the gateway drains, and then ends with SHUTTING_DOWN', async () => {
    await begin(true);
    const { gateway, responses } = await streamOf(
      (async function* () {
        yield messageOf(1);
        yield messageOf(2);
        await new Promise(() => {}); // a client that keeps its side open
      })(),
    );
    const outcomes: unknown[] = [];
    const ended = expect(
      (async () => {
        for await (const response of responses) outcomes.push(codeOf(response));
      })(),
    ).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    while (fleet.applier.seen.length < 2) await new Promise(setImmediate);
    gateway.drain();
    await settled();
    expect(outcomes).toEqual([]);
    fleet.applier.resume();
    await ended;
    expect(outcomes).toEqual(['response', 'response']);
  });

  it('ends with the fault of its requests after the outcomes of those before it', async () => {
    await begin();
    const { responses } = await streamOf(
      (async function* () {
        yield messageOf(1);
        throw new EntError('INVALID_ARGUMENT', 'not a message');
      })(),
    );
    expect(codeOf((await responses.next()).value as Response)).toBe('response');
    await expect(responses.next()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
