/** Method: the gateway as a process of its own, on the embedded log in a folder of its own, spoken to over its ports. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, constants, type ClientHttp2Session } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  decodeWalRecord,
  encodeStatusRecord,
  ExecuteStreamRequestSchema,
  ExecuteStreamResponseSchema,
  StatusRecordSchema,
} from '@entdb/contracts';
import { createEmbeddedWal, statusTopic, walTopic } from '@entdb/wal';
import { requestOf } from './testing/requests.ts';

let dataDir: string;
let gateway: Process;

interface Process {
  readonly child: ChildProcess;
  readonly rpc: string;
  readonly http: string;
  readonly exited: Promise<number | null>;
}

async function start(env: Readonly<Record<string, string>> = {}): Promise<Process> {
  const child = spawn(process.execPath, [join(__dirname, 'main.ts')], {
    env: {
      PATH: process.env['PATH'],
      ENTDB_DATA_DIR: dataDir,
      ENTDB_RPC_PORT: '0',
      ENTDB_HTTP_PORT: '0',
      ENTDB_DRAIN_WAIT: '0ms',
      ENTDB_EXIT_WITH_PARENT: 'true',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  let addresses: { readonly rpc?: string; readonly http?: string } = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = JSON.parse(line) as { message: string; rpc?: string; http?: string };
    if (entry.message === 'listening') addresses = entry;
    if (entry.message === 'ready') break;
  }
  child.stdout.resume();
  const { rpc = '', http = '' } = addresses;
  return { child, rpc: `http://${rpc}`, http: `http://${http}`, exited };
}

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'entdb-gateway-'));
  gateway = await start();
});

afterAll(async () => {
  gateway.child.kill('SIGKILL');
  await gateway.exited;
  rmSync(dataDir, { recursive: true });
});

async function call(
  method: string,
  body: object,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${gateway.rpc}/entdb.v1.${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const transaction = {
  tenantId: 'acme',
  idempotencyKey: 'one',
  operations: [
    { createNode: { typeId: 1, fields: { 1: { str: 'Ada' }, 2: { int: '9007199254740993' } } } },
  ],
};

const createOf = (value: object) => ({
  operations: [{ createNode: { typeId: 1, fields: { 1: value } } }],
});

describe('the gateway as a process', () => {
  it('writes what curl sends to the log', async () => {
    const { status, body } = await call('CommandService/ExecuteAtomic', transaction);
    expect(status).toBe(200);
    expect(body).toMatchObject({ position: { topic: walTopic }, ids: [expect.any(String)] });

    const wal = createEmbeddedWal({ directory: join(dataDir, 'log') });
    const { partition = 0 } = body['position'] as { partition?: number };
    const stop = new AbortController();
    const records: unknown[] = [];
    await wal.consume({
      topic: walTopic,
      from: new Map([[partition, 0]]),
      signal: stop.signal,
      onBatch: async (batch) => {
        records.push(
          ...batch.records.map(({ key, value }) => decodeWalRecord(key, value).idempotencyKey),
        );
        stop.abort();
      },
    });
    await wal.close();
    expect(records).toEqual(['one']);
  });

  it.each<[string, object, object]>([
    [
      'an empty transaction',
      { operations: [] },
      { code: 'EMPTY_TRANSACTION', field: 'operations' },
    ],
    ['a lone surrogate', createOf({ str: '\ud800' }), { code: 'INVALID_ARGUMENT' }],
    [
      'NaN',
      createOf({ float: 'NaN' }),
      { code: 'INVALID_VALUE', field: 'operations[0].create_node.fields[1]' },
    ],
  ])('answers %s with code and field', async (_name, init, debug) => {
    const { status, body } = await call('CommandService/ExecuteAtomic', {
      ...transaction,
      ...init,
    });
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'invalid_argument', details: [{ debug }] });
  });

  it('says how the fleet is', async () => {
    const health = await fetch(`${gateway.http}/health`);
    expect([health.status, await health.json()]).toMatchObject([
      200,
      {
        status: 'degraded',
        components: { wal: 'ok', sqlite: expect.stringContaining('no applier'), s3: 'disabled' },
        applier_lag_ms: null,
        last_snapshot: null,
      },
    ]);
    expect((await fetch(`${gateway.http}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${gateway.http}/metrics`)).text()).toContain(
      'wal_append_latency_bucket',
    );
    expect((await call('AdminService/GetTopology', {})).body).toMatchObject({ partitions: 8 });
  });

  it('names the last snapshot, and what keeps others from being made, as a snapshotter of the fleet says', async () => {
    const wal = createEmbeddedWal({ directory: join(dataDir, 'log') });
    const lane = await wal.openLane(statusTopic, 0);
    const lastMs = 1_790_000_000_123;
    const status = {
      enabled: true,
      lastSuccessUs: BigInt(lastMs * 1000),
      stoppedTenants: 1n,
      stopped: [{ tenantId: 'a', code: 'SNAPSHOT_DIGEST_MISMATCH' }],
    };
    const said = create(StatusRecordSchema, {
      service: 'snapshotter',
      instance: 'snapshotter-0',
      status: { case: 'snapshotter', value: status },
    });
    await lane.append([{ key: 'snapshotter-0', value: encodeStatusRecord(said) }]);
    const health = async () =>
      (await (await fetch(`${gateway.http}/health`)).json()) as Record<string, unknown>;
    // Looked at once a second, as every part of /health is.
    while (!JSON.stringify(await health()).includes('MISMATCH')) await new Promise(setImmediate);
    expect(await health()).toMatchObject({
      status: 'degraded',
      components: { s3: 'degraded: 1 tenants get no snapshot: SNAPSHOT_DIGEST_MISMATCH' },
      last_snapshot: new Date(lastMs).toISOString(),
    });
    await wal.close();
  });

  it('refuses a topic of another number of partitions', async () => {
    const child = spawn(process.execPath, [join(__dirname, 'main.ts')], {
      env: {
        PATH: process.env['PATH'],
        ENTDB_DATA_DIR: dataDir,
        ENTDB_WAL_PARTITIONS: '3',
        ENTDB_RPC_PORT: '0',
        ENTDB_HTTP_PORT: '0',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).not.toBe(0);
    expect(output).toContain('TOPIC_MISMATCH');
  });

  it('ends an open stream in order when it is told to stop, and exits with 0', async () => {
    const session = connect(gateway.rpc);
    const stream = openStream(session);
    stream.send({ $typeName: 'entdb.v1.ExecuteStreamRequest', id: 7n, transaction: requestOf() });
    const first = await stream.next();
    expect(first).toMatchObject({ id: 7n, outcome: { outcome: { case: 'response' } } });
    gateway.child.kill('SIGTERM');
    expect(await stream.trailers).toMatchObject({ 'grpc-status': '14' });
    session.close();
    expect(await gateway.exited).toBe(0);
  });
});

/** gRPC by hand: a message is a zero byte, its length, and its bytes. */
function openStream(session: ClientHttp2Session) {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: '/entdb.v1.CommandService/ExecuteStream',
    'content-type': 'application/grpc+proto',
    te: 'trailers',
  });
  const trailers = once(stream, 'trailers').then(([headers]) => {
    stream.end(); // as every gRPC client does: the call is over for both sides
    return headers as Record<string, string>;
  });
  let seen = Buffer.alloc(0);
  const message = () =>
    seen.length < 5 || seen.length < 5 + seen.readUInt32BE(1)
      ? undefined
      : seen.subarray(5, 5 + seen.readUInt32BE(1));
  const first = Promise.withResolvers<Uint8Array>();
  stream.on('data', (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]);
    const bytes = message();
    if (bytes) first.resolve(bytes);
  });
  return {
    trailers,
    send: (request: Parameters<typeof toBinary<typeof ExecuteStreamRequestSchema>>[1]) => {
      const body = toBinary(ExecuteStreamRequestSchema, request);
      const head = Buffer.alloc(5);
      head.writeUInt32BE(body.length, 1);
      stream.write(Buffer.concat([head, body]));
    },
    next: async () => fromBinary(ExecuteStreamResponseSchema, await first.promise),
  };
}
