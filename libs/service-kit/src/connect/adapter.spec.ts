/** What no well-behaved client sends: malformed deadlines, messages, paths; answers that come before the request has ended. */
import { Agent, request as httpRequest } from 'node:http';
import { once } from 'node:events';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { fromBinary, toJson } from '@bufbuild/protobuf';
import { ErrorDetailSchema, type ErrorDetail } from '@entdb/contracts';
import { startFixture, until, type Fixture } from '../testing/fixture.ts';

const path = '/entdb.v1.CommandService/ExecuteAtomic';
let fixture: Fixture;
let entered: number;
beforeEach(async () => {
  entered = 0;
  fixture = await startFixture(
    {
      command: {
        executeAtomic: async ({ tenantId }) => {
          entered += 1;
          return { ids: [tenantId] };
        },
      },
    },
    { limits: { readBytesMax: 1000, deadlineMaxMs: 300_000, deadlineDefaultMs: 300 } },
  );
});
afterEach(() => fixture.stop());

interface JsonError {
  readonly code: string;
  readonly message: string;
  readonly details?: readonly {
    readonly type: string;
    readonly value: string;
    readonly debug: unknown;
  }[];
}

const post = async (
  headers: Record<string, string>,
  body: string | Uint8Array<ArrayBuffer>,
  at = path,
) => {
  const response = await fetch(`http://127.0.0.1:${fixture.port}${at}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  return { status: response.status, body: (await response.json()) as JsonError };
};

/** One gRPC call over bare HTTP/2. */
const grpc = async (
  headers: Record<string, string>,
  body: Uint8Array,
  at = path,
): Promise<IncomingHttpHeaders> => {
  const session = connectHttp2(`http://127.0.0.1:${fixture.port}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': at,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  let trailers: IncomingHttpHeaders = {};
  stream.on('response', (response) => (trailers = { ...trailers, ...response }));
  stream.on('trailers', (given: IncomingHttpHeaders) => (trailers = { ...trailers, ...given }));
  stream.resume().end(body);
  await once(stream, 'close');
  session.destroy();
  return trailers;
};
const envelope = (message: Uint8Array, flags = 0) =>
  Buffer.concat([Buffer.from([flags, 0, 0, 0, message.length]), message]);

/** The ErrorDetail inside google.rpc.Status, whose only Any comes last: found by its type name. */
const detailIn = (trailers: IncomingHttpHeaders): ErrorDetail => {
  const bytes = Buffer.from(String(trailers['grpc-status-details-bin']), 'base64');
  const name = bytes.indexOf('entdb.v1.ErrorDetail') + 'entdb.v1.ErrorDetail'.length;
  // Field 2 of Any: its tag, its length as a varint of one or two bytes, its bytes.
  const long = (bytes[name + 1] ?? 0) >= 128;
  return fromBinary(ErrorDetailSchema, bytes.subarray(name + (long ? 3 : 2)));
};

describe('deadlines that are no time', () => {
  it.each(['NaN', 'Infinity', '-1', '1e9', '', '5S', '99999999999'])(
    'connect-timeout-ms: %j',
    async (value) => {
      const { status, body } = await post({ 'connect-timeout-ms': value }, '{}');
      expect([status, body.code, body.details?.[0]?.debug]).toEqual([
        400,
        'invalid_argument',
        expect.objectContaining({ code: 'INVALID_DEADLINE', field: 'connect-timeout-ms' }),
      ]);
      expect(entered).toBe(0);
    },
  );

  it.each(['infS', 'NaN', '-1S', '5', '999999999S', '99999999H'])(
    'grpc-timeout: %j',
    async (value) => {
      const trailers = await grpc({ 'grpc-timeout': value }, envelope(Buffer.alloc(0)));
      expect(trailers['grpc-status']).toBe('3');
      expect(detailIn(trailers).code).toBe('INVALID_DEADLINE');
      expect(entered).toBe(0);
    },
  );

  it('a deadline that is over is exceeded, not invalid', async () => {
    expect((await post({ 'connect-timeout-ms': '0' }, '{}')).body.code).toBe('deadline_exceeded');
  });
});

describe('messages that cannot be read', () => {
  const badUtf8 = Buffer.from([0x0a, 2, 0xc3, 0x28]);
  const cut = Buffer.from([0x0a, 9, 1]);

  it.each([
    ['JSON', { 'content-type': 'application/json' }, '{"tenantId":'],
    ['JSON of a wrong type', { 'content-type': 'application/json' }, '{"tenantId": 7}'],
    ['ill-formed UTF-8', { 'content-type': 'application/proto' }, new Uint8Array(badUtf8)],
    ['cut bytes', { 'content-type': 'application/proto' }, new Uint8Array(cut)],
  ])('Connect: %s', async (_, headers, bytes) => {
    const { status, body } = await post(headers, bytes);
    expect([status, body.code, body.details?.[0]?.debug]).toEqual([
      400,
      'invalid_argument',
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    ]);
    expect(entered).toBe(0);
  });

  it.each([
    ['ill-formed UTF-8', envelope(badUtf8)],
    ['cut bytes', envelope(cut)],
    ['an envelope that is cut', Buffer.from([0, 0, 0, 0, 9, 1])],
  ])('gRPC: %s', async (_, bytes) => {
    for (const type of ['application/grpc', 'application/grpc+proto']) {
      const trailers = await grpc({ 'content-type': type }, bytes);
      expect(trailers['grpc-status']).toBe('3');
      expect(detailIn(trailers)).toMatchObject({
        code: 'INVALID_ARGUMENT',
        hint: expect.stringContaining('contract'),
      });
    }
    expect(entered).toBe(0);
  });
});

it('answers curl with the error of the contract, its details readable', async () => {
  const { body } = await post({}, JSON.stringify({ tenantId: 'x'.repeat(2000) }));
  expect(body).toMatchObject({
    code: 'resource_exhausted',
    details: [{ type: 'entdb.v1.ErrorDetail', debug: { code: 'RESOURCE_EXHAUSTED' } }],
  });
  const detail = fromBinary(
    ErrorDetailSchema,
    Buffer.from(body.details?.[0]?.value ?? '', 'base64'),
  );
  expect(toJson(ErrorDetailSchema, detail)).toEqual(body.details?.[0]?.debug);
});

it('says UNIMPLEMENTED for a path that it does not know, in the words of the protocol', async () => {
  expect(await post({}, '{}', '/no.Such/Thing')).toEqual({
    status: 404,
    body: { code: 'unimplemented', message: '/no.Such/Thing is not offered by this server' },
  });
  expect((await grpc({}, envelope(Buffer.alloc(0)), '/no.Such/Thing'))['grpc-status']).toBe('12');
});

describe('an answer before the request has ended', () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  afterEach(() => agent.destroy());

  const call = (write: (end: (rest: string) => void, part: (text: string) => void) => void) =>
    new Promise<{ status: number; reused: boolean }>((resolve, reject) => {
      const request = httpRequest(
        {
          agent,
          port: fixture.port,
          method: 'POST',
          path,
          headers: { 'content-type': 'application/json' },
        },
        (response) => {
          response.resume();
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, reused: request.reusedSocket }),
          );
        },
      );
      request.on('error', reject);
      write(
        (rest) => request.end(rest),
        (text) => request.write(text),
      );
    });

  it('comes at the deadline when the caller is too slow', async () => {
    const answer = await call((_, part) => part('{'));
    expect(answer.status).toBe(504);
    expect(entered).toBe(0);
    await until(() => fixture.server.inFlight() === 0);
  });

  it('leaves the connection fit for the next call', async () => {
    for (let i = 0; i < 5; i += 1) {
      // Chunked and too large: refused in the middle.
      const refused = await call((end, part) => {
        for (let k = 0; k < 50; k += 1) part('x'.repeat(20_000));
        end('');
      });
      expect(refused.status).toBe(429);
      expect(await call((end) => end('{"tenantId":"t"}'))).toMatchObject({
        status: 200,
        reused: true,
      });
    }
  });
});
