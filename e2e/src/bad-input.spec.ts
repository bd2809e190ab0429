/**
 * Everything that a person or a program can get wrong, sent to real ports. Each gets its typed error: the code, the field, a hint
 * and the status of the protocol; nothing is written, and the process that refused it goes on.
 * Method: plain HTTP with JSON, and generated clients without the SDK, which would refuse most of it before it leaves.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  ErrorDetailSchema,
  ExecuteAtomicRequestSchema,
  OnConflict,
  SchemaSchema,
  Kind,
  schemaFingerprint,
  val,
  Wait,
} from '@entdb/contracts';
import { connect } from 'node:http2';
import { failureOf, type Failure } from './parts/failure.ts';
import { startTestFleet, type TestFleet } from './parts/fleet.ts';
import { logEnds } from './parts/quiet.ts';
import { connectTo, type Server } from './parts/server.ts';
import { postJson, type WireAnswer } from './parts/wire.ts';

const tenantId = 'bad-input';
const timeoutMs = 60_000;
const schema = create(SchemaSchema, {
  nodeTypes: [
    {
      id: 1,
      name: 'Person',
      fields: [
        { id: 1, name: 'email', kind: Kind.STR, unique: true, required: true },
        { id: 2, name: 'age', kind: Kind.INT, indexed: true },
        { id: 3, name: 'bio', kind: Kind.STR, searchable: true },
      ],
    },
  ],
});
const schemaNamed = { schema, schemaFingerprint: schemaFingerprint(schema) };

let test: TestFleet;
let grpc: Server;
beforeAll(async () => {
  test = await startTestFleet({ gateways: 1, env: { ENTDB_STATUS_INTERVAL: '100ms' } });
  grpc = connectTo(test.fleet.endpoint, 'grpc');
  await write('first', [
    {
      typeId: 1,
      id: 'ada',
      fields: { 1: val.str('ada@x'), 2: val.int(36), 3: val.str('counts engines') },
    },
  ]);
}, 200_000);
afterAll(async () => {
  grpc.close();
  await test[Symbol.asyncDispose]();
}, 60_000);

type Create = { typeId: number; id?: string; fields?: Record<number, ReturnType<typeof val.str>> };

const atomic = (idempotencyKey: string, more: object) =>
  create(ExecuteAtomicRequestSchema, { tenantId, idempotencyKey, wait: Wait.APPLIED, ...more });

const creates = (nodes: readonly Create[]) =>
  nodes.map((value) => ({ op: { case: 'createNode' as const, value } }));

const write = (key: string, nodes: readonly Create[], more: object = {}) =>
  grpc.command.executeAtomic(atomic(key, { operations: creates(nodes), ...schemaNamed, ...more }), {
    timeoutMs,
  });

const postAtomic = (
  body: object | string | Uint8Array,
  headers?: Readonly<Record<string, string>>,
): Promise<WireAnswer> =>
  postJson(
    test.fleet.endpoint,
    'CommandService/ExecuteAtomic',
    typeof body === 'string' || body instanceof Uint8Array
      ? body
      : { tenantId, idempotencyKey: 'bad', wait: 'WAIT_APPLIED', ...body },
    headers,
  );

const query = (method: string, body: object): Promise<WireAnswer> =>
  postJson(test.fleet.appliers[0]!.address, `QueryService/${method}`, {
    scope: { tenantId },
    ...body,
  });

const createOp = (createNode: object) => ({
  operations: [{ createNode: { typeId: 1, ...createNode } }],
});
const email = { str: 'x@x' };
const named = { schemaFingerprint: schemaNamed.schemaFingerprint };

/** What is refused before the append, and how. `field` is a part of the path. */
const refused: readonly (readonly [
  what: string,
  code: string,
  field: string,
  send: () => Promise<WireAnswer>,
])[] = [
  ['an empty transaction', 'EMPTY_TRANSACTION', 'operations', () => postAtomic({ operations: [] })],
  ['no operations at all', 'EMPTY_TRANSACTION', 'operations', () => postAtomic({})],
  [
    'an unknown alias',
    'UNKNOWN_ALIAS',
    'operations[0].delete_node.id',
    () => postAtomic({ operations: [{ deleteNode: { typeId: 1, id: '$nobody' } }] }),
  ],
  [
    'a duplicate alias',
    'DUPLICATE_ALIAS',
    'operations[1].create_node.alias',
    () =>
      postAtomic({
        operations: [1, 2].map(() => ({
          createNode: { typeId: 1, alias: '$twice', fields: { 1: email } },
        })),
      }),
  ],
  ...['', 'a/b', '../etc', 'tenant!a', 'x'.repeat(129), 'ä'].map(
    (bad) =>
      [
        `the tenant id ${JSON.stringify(bad.slice(0, 12))}`,
        'INVALID_TENANT_ID',
        'tenant_id',
        () => postAtomic({ ...createOp({ fields: { 1: email } }), tenantId: bad }),
      ] as const,
  ),
  ...['', 'k'.repeat(257)].map(
    (bad) =>
      [
        `an idempotency key of ${bad.length} characters`,
        'INVALID_IDEMPOTENCY_KEY',
        'idempotency_key',
        () => postAtomic({ ...createOp({ fields: { 1: email } }), idempotencyKey: bad }),
      ] as const,
  ),
  [
    'an oversized record',
    'RECORD_TOO_LARGE',
    '',
    () => postAtomic(createOp({ fields: { 1: email, 3: { str: 'x'.repeat(1_500_000) } } })),
  ],
  [
    'too many operations',
    'TOO_MANY_OPERATIONS',
    'operations',
    () =>
      postAtomic({
        operations: Array.from({ length: 1_001 }, () => ({
          createNode: { typeId: 1, fields: { 1: email } },
        })),
      }),
  ],
  [
    'an unknown type',
    'UNKNOWN_TYPE',
    'operations[0].create_node.type_id',
    () => postAtomic({ ...createOp({ typeId: 99 }), ...named }),
  ],
  [
    'an unknown field',
    'UNKNOWN_FIELD',
    'operations[0].create_node.fields[99]',
    () => postAtomic({ ...createOp({ fields: { 1: email, 99: email } }), ...named }),
  ],
  [
    'a wrong kind',
    'WRONG_KIND',
    'operations[0].create_node.fields[2]',
    () => postAtomic({ ...createOp({ fields: { 1: email, 2: { str: '36' } } }), ...named }),
  ],
  [
    'a required field that is missing',
    'REQUIRED_FIELD',
    'operations[0].create_node.fields',
    () => postAtomic({ ...createOp({}), ...named }),
  ],
  ...['NaN', 'Infinity', '-Infinity'].map(
    (float) =>
      [
        float,
        'INVALID_VALUE',
        'operations[0].create_node.fields[4]',
        () => postAtomic(createOp({ fields: { 1: email, 4: { float } } })),
      ] as const,
  ),
  ...['Infinity', 'NaN', '-1', '1e3', '99999999999'].map(
    (bad) =>
      [
        `the deadline ${bad}`,
        'INVALID_DEADLINE',
        'connect-timeout-ms',
        () => postAtomic(createOp({ fields: { 1: email } }), { 'connect-timeout-ms': bad }),
      ] as const,
  ),
  [
    'a deadline beyond the limit',
    'INVALID_DEADLINE',
    'connect-timeout-ms',
    () => postAtomic(createOp({ fields: { 1: email } }), { 'connect-timeout-ms': '999999999' }),
  ],
  [
    'a part that the contract does not have',
    'INVALID_ARGUMENT',
    '',
    () => postAtomic(createOp({ felds: { 1: email } })),
  ],
  [
    'bytes that are no UTF-8, in JSON',
    'INVALID_ARGUMENT',
    '',
    () =>
      postAtomic(
        Buffer.concat([
          Buffer.from(
            `{"tenantId":"${tenantId}","idempotencyKey":"bad","operations":[{"createNode":{"typeId":1,"fields":{"1":{"str":"`,
          ),
          Buffer.from([0xff, 0xfe]),
          Buffer.from('"}}}}]}'),
        ]),
      ),
  ],
  [
    'half a surrogate pair, in JSON',
    'INVALID_ARGUMENT',
    '',
    () =>
      postAtomic(
        `{"tenantId":"${tenantId}","idempotencyKey":"bad","operations":[{"createNode":{"typeId":1,"fields":{"1":{"str":"\\ud800"}}}}]}`,
      ),
  ],
  ['what is no JSON', 'INVALID_ARGUMENT', '', () => postAtomic('{"tenantId":')],
  [
    'a filter on a field that is not there',
    'UNKNOWN_FIELD',
    'filter',
    () =>
      query('QueryNodes', {
        typeId: 1,
        filter: { compare: { fieldId: 99, operator: 'OPERATOR_EQ', values: [email] } },
      }),
  ],
  [
    'a filter by a value of another kind',
    'WRONG_KIND',
    'filter',
    () =>
      query('QueryNodes', {
        typeId: 1,
        filter: { compare: { fieldId: 2, operator: 'OPERATOR_EQ', values: [email] } },
      }),
  ],
  [
    'a search without a word',
    'INVALID_SEARCH',
    'text',
    () => query('SearchNodes', { text: '"*()' }),
  ],
  [
    'a damaged page token',
    'INVALID_PAGE_TOKEN',
    'page_token',
    () => query('QueryNodes', { typeId: 1, pageToken: 'abc' }),
  ],
];

describe('what is refused before the log', () => {
  it.each(refused)('%s', async (_, code, field, send) => {
    const before = await quietly();
    const { http, code: status, detail } = await send();
    expect({ http, status, code: detail?.code }).toEqual({
      http: 400,
      status: 'invalid_argument',
      code,
    });
    expect(detail?.field).toContain(field);
    expect(detail?.message).not.toBe('');
    expect(detail?.hint).not.toBe('');
    expect(await quietly()).toEqual(before);
  });

  it('a page token of another query', async () => {
    await write(
      'more',
      [2, 3].map((n) => ({ typeId: 1, fields: { 1: val.str(`p${n}@x`) } })),
    );
    const page = await query('QueryNodes', { typeId: 1, pageSize: 1 });
    const { nextPageToken: pageToken } = JSON.parse(page.text) as { nextPageToken: string };
    expect(pageToken).not.toBe('');
    const { http, detail } = await query('QueryNodes', {
      typeId: 1,
      pageSize: 1,
      pageToken,
      filter: { compare: { fieldId: 2, operator: 'OPERATOR_EXISTS' } },
    });
    expect({ http, code: detail?.code, field: detail?.field }).toEqual({
      http: 400,
      code: 'INVALID_PAGE_TOKEN',
      field: 'page_token',
    });
    expect(detail?.hint).not.toBe('');
  });

  it('bytes that are no UTF-8, in a protobuf message over gRPC', async () => {
    const before = await quietly();
    const bytes = Buffer.from(
      toBinary(
        ExecuteAtomicRequestSchema,
        atomic('bad', { operations: creates([{ typeId: 1, fields: { 1: val.str('~~~~') } }]) }),
      ),
    );
    bytes.set([0xff, 0xfe, 0xff, 0xfe], bytes.indexOf('~~~~'));
    const { status, detail } = await grpcCall('CommandService/ExecuteAtomic', bytes);
    expect({ status, code: detail?.code }).toEqual({ status: '3', code: 'INVALID_ARGUMENT' });
    expect(detail?.hint).not.toBe('');
    expect(await quietly()).toEqual(before);
  });

  it('a grpc-timeout that is no finite time', async () => {
    const bytes = toBinary(
      ExecuteAtomicRequestSchema,
      atomic('bad', { operations: creates([{ typeId: 1 }]) }),
    );
    const { status, detail } = await grpcCall('CommandService/ExecuteAtomic', bytes, 'infS');
    expect({ status, code: detail?.code }).toEqual({ status: '3', code: 'INVALID_DEADLINE' });
  });
});

describe('operators in a search', () => {
  it.each([
    'counts OR nothing',
    'NEAR(counts engines)',
    'bio: counts',
    '"counts',
    'counts NOT engines',
    '^counts',
    "counts' --",
  ])('%s is words, never an operator', async (text) => {
    const { http, text: answer } = await query('SearchNodes', { text });
    const { nodes = [] } = JSON.parse(answer) as { nodes?: readonly { id: string }[] };
    expect(http).toBe(200);
    // Every word must occur; what is no letter or digit is no word.
    const words = text.toLowerCase().match(/[a-z]+/g) ?? [];
    const all = words.every((word) => ['counts', 'engines'].includes(word));
    expect(nodes.map(({ id }) => id)).toEqual(all ? ['ada'] : []);
  });
});

describe('what only the state can refuse', () => {
  const verdicts: readonly (readonly [string, string, string, () => Promise<Failure>])[] = [
    [
      'an id that exists (O1)',
      'ALREADY_EXISTS',
      'AlreadyExists',
      () =>
        failureOf(write('exists', [{ typeId: 1, id: 'ada', fields: { 1: val.str('other@x') } }])),
    ],
    [
      'a unique violation',
      'UNIQUE_VIOLATION',
      'AlreadyExists',
      () => failureOf(write('unique', [{ typeId: 1, fields: { 1: val.str('ada@x') } }])),
    ],
    [
      'a failed precondition',
      'PRECONDITION_FAILED',
      'FailedPrecondition',
      () =>
        failureOf(
          write('precondition', [{ typeId: 1, fields: { 1: val.str('new@x') } }], {
            preconditions: [{ typeId: 1, nodeId: 'ada', equals: { 2: val.int(37) } }],
          }),
        ),
    ],
    [
      'a reused key with another body',
      'IDEMPOTENCY_KEY_REUSED',
      'AlreadyExists',
      () => failureOf(write('first', [{ typeId: 1, fields: { 1: val.str('another@x') } }])),
    ],
    [
      'an update of what is not there',
      'NOT_FOUND',
      'NotFound',
      () =>
        failureOf(
          grpc.command.executeAtomic(
            atomic('nobody', {
              operations: [
                {
                  op: {
                    case: 'updateNode',
                    value: { typeId: 1, id: 'nobody', set: { 2: val.int(1) } },
                  },
                },
              ],
              ...schemaNamed,
            }),
            { timeoutMs },
          ),
        ),
    ],
  ];

  it.each(verdicts)('%s', async (_, code, status, send) => {
    const before = await state();
    const failure = await send();
    expect(failure).toMatchObject({ status, detail: { code } });
    expect(failure.detail?.position).toBeDefined();
    expect(failure.detail?.message).not.toBe('');
    expect(failure.detail?.hint).not.toBe('');
    expect(await state()).toEqual(before);
  });

  it('insert-if-absent leaves what is there', async () => {
    const skipped = {
      typeId: 1,
      id: 'ada',
      onConflict: OnConflict.SKIP,
      fields: { 1: val.str('ada@x') },
    };
    const { result } = await write('skip', [skipped]);
    expect(result?.outcome).toMatchObject({
      case: 'applied',
      value: { operations: [{ id: 'ada', changed: false }] },
    });
  });
});

describe('after all of it', () => {
  it('the same processes serve, and have never ended', async () => {
    expect(test.events.filter((event) => event.includes('ended'))).toEqual([]);
    expect(test.fleet.services.map(({ restarts }) => restarts)).toEqual([0, 0]);
    const { ids } = await write('after', [{ typeId: 1, fields: { 1: val.str('after@x') } }]);
    expect(ids[0]).not.toBe('');
  });
});

/** Where the log ends: what was refused has left nothing in it. */
const quietly = () => logEnds(test.gateway());

/** What a rejected transaction must not change: content, and with it the digests' parts that tests can see. */
async function state() {
  const { nodeCount, edgeCount } = await test
    .applier()
    .query.getTenant({ scope: { tenantId } }, { timeoutMs });
  const { node } = await test
    .applier()
    .query.getNode({ scope: { tenantId }, id: 'ada' }, { timeoutMs });
  return { nodeCount, edgeCount, version: node?.version, fields: node?.fields };
}

/** A unary gRPC call with bytes that are no message. */
async function grpcCall(method: string, message: Uint8Array, timeout?: string) {
  const session = connect(test.fleet.endpoint);
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/entdb.v1.${method}`,
      'content-type': 'application/grpc+proto',
      te: 'trailers',
      ...(timeout !== undefined && { 'grpc-timeout': timeout }),
    });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([head, message]));
    const headers = new Map<string, unknown>();
    const ended = Promise.withResolvers<void>();
    for (const event of ['response', 'trailers'] as const)
      stream.on(event, (found: object) => {
        for (const [name, value] of Object.entries(found)) headers.set(name, value);
      });
    stream.on('error', ended.reject).on('end', ended.resolve).resume();
    await ended.promise;
    const bin = headers.get('grpc-status-details-bin');
    const detail = typeof bin === 'string' ? detailIn(Buffer.from(bin, 'base64')) : undefined;
    return { status: String(headers.get('grpc-status')), detail };
  } finally {
    session.close();
  }
}

/** The ErrorDetail inside a google.rpc.Status: its bytes stand at the end, after the type's URL. */
function detailIn(status: Buffer) {
  const url = 'type.googleapis.com/entdb.v1.ErrorDetail';
  const at = status.indexOf(url) + url.length + 1; // the tag of Any.value
  let length = 0;
  let shift = 0;
  let offset = at;
  for (; ; shift += 7) {
    const byte = status[offset++]!;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return fromBinary(ErrorDetailSchema, status.subarray(offset, offset + length));
}
