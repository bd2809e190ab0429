/** Real servers, real clients, every protocol over every HTTP version that it runs on. */
import { Code, ConnectError } from '@connectrpc/connect';
import { EntError } from '@entdb/base';
import {
  CommandService,
  ErrorDetailSchema,
  QueryService,
  type ExecuteAtomicRequest,
} from '@entdb/contracts';
import type { Call } from './call.ts';
import {
  deferred,
  startFixture,
  transportNames,
  until,
  type Fixture,
  type Handlers,
  type TransportName,
} from './testing/fixture.ts';

let fixture: Fixture;
const start = async (...args: Parameters<typeof startFixture>) =>
  (fixture = await startFixture(...args));
afterEach(() => fixture.stop());

const failure = async (call: Promise<unknown>): Promise<ConnectError> => {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
  if (!outcome) throw new Error('the call did not fail');
  return outcome;
};
const detailOf = (error: ConnectError) => error.findDetails(ErrorDetailSchema)[0];
const collect = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
};

const echo: Handlers = {
  command: {
    executeAtomic: async (request: ExecuteAtomicRequest) => ({
      ids: [request.tenantId, request.idempotencyKey],
    }),
    async *executeStream(requests) {
      for await (const { id } of requests) yield { id };
    },
  },
  query: {
    async *watch({ tenantId }) {
      for (let i = 0n; i < 3n; i += 1n) yield { idempotencyKey: tenantId, appliedAtUs: i };
    },
  },
};

describe.each(transportNames)('over %s', (name: TransportName) => {
  it('answers unary calls and streams', async () => {
    await start(echo);
    expect(
      (
        await fixture
          .client(CommandService, name)
          .executeAtomic({ tenantId: 't', idempotencyKey: 'k' })
      ).ids,
    ).toEqual(['t', 'k']);
    const events = await collect(fixture.client(QueryService, name).watch({ tenantId: 't' }));
    expect(events.map((event) => event.appliedAtUs)).toEqual([0n, 1n, 2n]);
  });

  it('carries an error with all its facts, in unary calls and after messages of a stream', async () => {
    const thrown = new EntError('UNIQUE_VIOLATION', 'e-mail äöü is taken', {
      field: 'operations[2].create_node.fields[3]',
      hint: 'choose another',
      tenantId: 't',
      position: { topic: 'entdb-wal', partition: 3, offset: 2 ** 40, epoch: 1 },
      retryAfterMs: 7,
      metadata: { existing_id: 'n1' },
      cause: new Error('secret text'),
    });
    await start({
      command: {
        executeAtomic: async () => {
          throw thrown;
        },
      },
      query: {
        async *watch() {
          yield { idempotencyKey: 'first' };
          throw thrown;
        },
      },
    });
    const seen: string[] = [];
    const streamed = async () => {
      for await (const event of fixture.client(QueryService, name).watch({}))
        seen.push(event.idempotencyKey);
    };
    for (const error of [
      await failure(fixture.client(CommandService, name).executeAtomic({})),
      await failure(streamed()),
    ]) {
      expect(error.code).toBe(Code.AlreadyExists);
      expect(error.rawMessage).toBe('e-mail äöü is taken');
      expect(detailOf(error)).toMatchObject({
        code: 'UNIQUE_VIOLATION',
        message: 'e-mail äöü is taken',
        field: 'operations[2].create_node.fields[3]',
        hint: 'choose another',
        tenantId: 't',
        position: { topic: 'entdb-wal', partition: 3, offset: 2n ** 40n, epoch: 1n },
        retryAfterMs: 7,
        metadata: { existing_id: 'n1' },
      });
      expect(
        JSON.stringify(error, (_, value: unknown) =>
          typeof value === 'bigint' ? String(value) : value,
        ),
      ).not.toContain('secret text');
    }
    expect(seen).toEqual(['first']);
  });

  it('tells nothing of an unforeseen error, and logs it with its cause', async () => {
    await start({
      command: {
        executeAtomic: async () => {
          throw new TypeError('/var/lib/secret is not a function', { cause: 'root' });
        },
      },
    });
    const error = await failure(fixture.client(CommandService, name).executeAtomic({}));
    expect(error.code).toBe(Code.Internal);
    expect(detailOf(error)?.code).toBe('INTERNAL');
    expect(error.message).not.toContain('secret');
    expect(fixture.log).toContainEqual(
      expect.objectContaining({
        level: 'error',
        message: 'a call failed',
        fields: expect.objectContaining({ err: expect.any(TypeError) }),
      }),
    );
  });

  it('ends a deaf handler at the deadline, and tells a listening one', async () => {
    const released = deferred();
    const heard = deferred<unknown>();
    await start({
      command: {
        executeAtomic: async (_, call) => {
          call.signal.addEventListener('abort', () => heard.resolve(call.signal.reason));
          await released.promise;
          return {};
        },
      },
      query: {
        async *watch() {
          yield {};
          await released.promise;
        },
      },
    });
    // Named by the header alone, so that the client's own timer does not cancel first.
    const headers = name.startsWith('connect')
      ? { 'connect-timeout-ms': '60' }
      : { 'grpc-timeout': '60m' };
    const unary = await failure(
      fixture.client(CommandService, name).executeAtomic({}, { headers }),
    );
    expect(unary.code).toBe(Code.DeadlineExceeded);
    expect(await heard.promise).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const stream = await failure(
      collect(fixture.client(QueryService, name).watch({}, { headers })),
    );
    expect(stream.code).toBe(Code.DeadlineExceeded);
    expect([detailOf(unary)?.code, detailOf(stream)?.code]).toEqual([
      'DEADLINE_EXCEEDED',
      'DEADLINE_EXCEEDED',
    ]);
    released.resolve();
    await until(() => fixture.server.inFlight() === 0, 'no call in flight');
  });

  it('gives a call without a deadline the default one, with its detail', async () => {
    let remaining = Infinity;
    const never = deferred();
    await start(
      {
        command: {
          executeAtomic: async (_, call) => {
            remaining = call.remainingMs();
            await never.promise;
            return {};
          },
        },
      },
      { limits: { deadlineDefaultMs: 40 } },
    );
    const error = await failure(fixture.client(CommandService, name).executeAtomic({}));
    expect(remaining).toBeLessThanOrEqual(40);
    expect(detailOf(error)?.code).toBe('DEADLINE_EXCEEDED');
    never.resolve();
  });

  it('refuses a deadline above the maximum, without calling the handler', async () => {
    let called = false;
    await start(
      {
        command: {
          executeAtomic: async () => {
            called = true;
            return {};
          },
        },
      },
      { limits: { deadlineMaxMs: 1000 } },
    );
    const error = await failure(
      fixture.client(CommandService, name).executeAtomic({}, { timeoutMs: 1500 }),
    );
    expect(error.code).toBe(Code.InvalidArgument);
    expect(detailOf(error)).toMatchObject({
      code: 'INVALID_DEADLINE',
      metadata: { deadline_max_ms: '1000' },
    });
    expect(called).toBe(false);
  });

  it('tells the handler that the caller went away', async () => {
    const reasons: unknown[] = [];
    const waitForEnd = async ({ signal }: Call) => {
      if (!signal.aborted)
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    let entered = 0;
    await start({
      command: {
        executeAtomic: async (_, call) => {
          entered += 1;
          await waitForEnd(call);
          reasons.push(call.signal.reason);
          return {};
        },
      },
      query: {
        async *watch(_, call) {
          try {
            yield {};
            await waitForEnd(call);
          } finally {
            reasons.push(call.signal.reason);
          }
        },
      },
    });
    const controller = new AbortController();
    const unary = failure(
      fixture.client(CommandService, name).executeAtomic({}, { signal: controller.signal }),
    );
    await until(() => entered === 1);
    controller.abort();
    expect((await unary).code).toBe(Code.Canceled);
    await until(() => reasons.length === 1);
    expect(reasons[0]).toMatchObject({ code: 'CANCELED' });

    // Breaking out of the loop alone leaves Connect's client stream open.
    const other = new AbortController();
    for await (const _ of fixture.client(QueryService, name).watch({}, { signal: other.signal }))
      break;
    other.abort();
    await until(() => reasons.length === 2, 'the end of the stream');
    expect(reasons[1]).toMatchObject({ code: 'CANCELED' });
    await until(() => fixture.server.inFlight() === 0);
    expect(fixture.log.filter((line) => line.level !== 'debug')).toEqual([]);
  });

  it('takes large messages up to its limit and refuses larger ones with a detail', async () => {
    await start(echo, { limits: { readBytesMax: 3_000_000 } });
    const client = fixture.client(CommandService, name);
    const large = 'x'.repeat(2_900_000);
    expect((await client.executeAtomic({ tenantId: large })).ids[0]).toHaveLength(large.length);
    const error = await failure(client.executeAtomic({ tenantId: 'x'.repeat(3_100_000) }));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(detailOf(error)).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      hint: expect.stringContaining('3000000'),
    });
  });

  it('refuses what is beyond the limit on calls in flight, at once and with a time to wait', async () => {
    const released = deferred();
    await start(
      {
        command: {
          executeAtomic: async () => {
            await released.promise;
            return {};
          },
        },
      },
      { limits: { inFlightMax: 2 } },
    );
    const client = fixture.client(CommandService, name);
    const busy = [client.executeAtomic({}), client.executeAtomic({})];
    await until(() => fixture.server.inFlight() === 2);
    const error = await failure(client.executeAtomic({}));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(detailOf(error)).toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryAfterMs: 100 });
    released.resolve();
    await Promise.all(busy);
    await expect(client.executeAtomic({})).resolves.toBeDefined();
  });

  it('answers UNIMPLEMENTED for a method without a handler', async () => {
    await start({});
    const error = await failure(fixture.client(CommandService, name).executeAtomic({}));
    expect(error.code).toBe(Code.Unimplemented);
    expect(detailOf(error)?.code).toBe('UNIMPLEMENTED');
  });

  it('gives handlers headers, and takes headers and trailers from them', async () => {
    await start({
      command: {
        executeAtomic: async (_, call) => {
          call.appendHeader('x-one', 'a');
          call.appendTrailer('x-two', 'b');
          return { ids: [call.header('X-Asked') ?? '', call.protocol, call.method] };
        },
      },
    });
    let header: Headers | undefined;
    let trailer: Headers | undefined;
    const { ids } = await fixture.client(CommandService, name).executeAtomic(
      {},
      {
        headers: { 'x-asked': 'yes' },
        onHeader: (h) => (header = h),
        onTrailer: (t) => (trailer = t),
      },
    );
    expect(ids).toEqual(['yes', name.split(' ')[0], 'entdb.v1.CommandService/ExecuteAtomic']);
    expect(header?.get('x-one')).toBe('a');
    expect(trailer?.get('x-two')).toBe('b');
  });
});

describe.each(['grpc h2', 'grpc-web h2', 'connect h2'] as const)(
  'bidirectional streams over %s',
  (name) => {
    it('interleave, and end with the caller', async () => {
      await start(echo);
      const asked: bigint[] = [];
      async function* requests() {
        for (let id = 1n; id <= 3n; id += 1n) {
          yield { id };
          // The next request waits for the answer to this one: only a full-duplex stream gets on.
          await until(() => asked.includes(id), `the answer to ${id}`);
        }
      }
      for await (const { id } of fixture.client(CommandService, name).executeStream(requests()))
        asked.push(id);
      expect(asked).toEqual([1n, 2n, 3n]);
    });
  },
);

describe('metrics', () => {
  it('count calls by outcome', async () => {
    await start(echo);
    await fixture.client(CommandService).executeAtomic({});
    await failure(fixture.client(CommandService).executeBatch({}));
    const { body } = await fixture.metrics.scrape();
    expect(body).toContain(
      'rpc_calls_total{method="entdb.v1.CommandService/ExecuteAtomic",code="OK",service="test"} 1',
    );
    expect(body).toContain(
      'rpc_seconds_count{service="test",method="entdb.v1.CommandService/ExecuteAtomic"} 1',
    );
    expect(body).toContain('rpc_in_flight{service="test"} 0');
  });
});
