/**
 * Faults that stayed open in an earlier implementation of this product, each shown from outside not to be here. The number in a
 * title is that of the list. Where a fault cannot be seen from outside, or is shown better near its code:
 *
 *   O1   also bad-input.spec.ts                         O4   libs/wal: the conformance suite, on every log
 *   O5   libs/wal embedded: the reader is woken          O9   services/applier: one transaction for each batch and tenant
 *   O13  int64.spec.ts, edges                            O16  libs/tenant-store: schema registration
 *   O17  there is no store that tenants share on the path of a request; one tenant's load: services/gateway tenant quota
 */
import { create } from '@bufbuild/protobuf';
import {
  ExecuteAtomicRequestSchema,
  Kind,
  schemaFingerprint,
  SchemaSchema,
  val,
  Wait,
  type ExecuteAtomicRequest,
} from '@entdb/contracts';
import { failureOf } from './parts/failure.ts';
import { startTestFleet, type TestFleet } from './parts/fleet.ts';

const timeoutMs = 60_000;

let test: TestFleet;
beforeAll(async () => {
  test = await startTestFleet({ gateways: 1 });
}, 200_000);
afterAll(() => test[Symbol.asyncDispose](), 60_000);

let keys = 0;
const requestOf = (tenantId: string, more: object): ExecuteAtomicRequest =>
  create(ExecuteAtomicRequestSchema, {
    tenantId,
    idempotencyKey: `key-${(keys += 1)}`,
    wait: Wait.APPLIED,
    ...more,
  });

const send = (tenantId: string, more: object, callTimeoutMs = timeoutMs) =>
  test.gateway().command.executeAtomic(requestOf(tenantId, more), { timeoutMs: callTimeoutMs });

const createOf = (node: object) => ({
  operations: [{ op: { case: 'createNode' as const, value: { typeId: 1, ...node } } }],
});

const nodeOf = async (tenantId: string, id: string) =>
  (await test.applier().query.getNode({ scope: { tenantId }, id }, { timeoutMs })).node;

const schemaOf = (fields: readonly object[], typeId = 1) => {
  const schema = create(SchemaSchema, {
    nodeTypes: [{ id: typeId, name: 'Thing', fields: [...fields] }],
  });
  return { schema, schemaFingerprint: schemaFingerprint(schema) };
};

/** Nothing that a client can send ends a process. */
const restarts = () => test.fleet.services.map((service) => service.restarts);

describe('an earlier fault', () => {
  it('O1: an id that exists is a verdict, and nothing ends', async () => {
    const before = restarts();
    await send('o1', createOf({ id: 'same', fields: { 1: val.str('first') } }));
    expect(
      await failureOf(send('o1', createOf({ id: 'same', fields: { 1: val.str('second') } }))),
    ).toMatchObject({
      status: 'AlreadyExists',
      detail: { code: 'ALREADY_EXISTS' },
    });
    expect((await nodeOf('o1', 'same'))?.fields[1]?.kind.value).toBe('first');
    expect(restarts()).toEqual(before);
  });

  it('O2: a delivery that reaches nobody is refused before the log', async () => {
    const before = restarts();
    for (const delivery of [{ userIds: [] }, { userIds: [''] }, { userIds: ['a\0b'] }])
      expect(await failureOf(send('o2', createOf({ delivery })))).toMatchObject({
        status: 'InvalidArgument',
        detail: { code: 'INVALID_OPERATION' },
      });
    await send(
      'o2',
      createOf({ id: 'delivered', delivery: { userIds: ['ada'], snippet: 'hello' } }),
    );
    const { items } = await test
      .applier()
      .query.listMailbox({ scope: { tenantId: 'o2' }, userId: 'ada' }, { timeoutMs });
    expect(items.map(({ nodeId }) => nodeId)).toEqual(['delivered']);
    expect(restarts()).toEqual(before);
  });

  it('O3: a unique constraint over values that are there twice is a verdict; the tenant and its neighbours go on', async () => {
    const before = restarts();
    const plain = schemaOf([{ id: 1, name: 'email', kind: Kind.STR }]);
    for (const id of ['a', 'b'])
      await send('o3', { ...createOf({ id, fields: { 1: val.str('same@x') } }), ...plain });
    const unique = schemaOf([{ id: 1, name: 'email', kind: Kind.STR, unique: true }]);
    const { detail } = await failureOf(
      send('o3', { ...createOf({ id: 'c', fields: { 1: val.str('other@x') } }), ...unique }),
    );
    expect(['SCHEMA_INCOMPATIBLE', 'UNIQUE_VIOLATION']).toContain(detail?.code);
    await send('o3', { ...createOf({ id: 'd', fields: { 1: val.str('d@x') } }), ...plain });
    await send('o3-neighbour', {
      ...createOf({ id: 'e', fields: { 1: val.str('e@x') } }),
      ...unique,
    });
    expect(await nodeOf('o3', 'c')).toBeUndefined();
    expect((await nodeOf('o3', 'd'))?.id).toBe('d');
    expect(restarts()).toEqual(before);
  });

  it('O6: after a restart a read that names the last position is answered without another write', async () => {
    const { position } = await send('o6', createOf({ id: 'last' }));
    const [applier] = test.fleet.appliers;
    await applier?.kill('SIGKILL');
    await applier?.ready(120_000);
    const scope = { tenantId: 'o6', atLeast: position! };
    expect(
      (await test.applier().query.getNode({ scope, id: 'last' }, { timeoutMs })).node?.id,
    ).toBe('last');
  }, 200_000);

  it('O7: a wait for a verdict that does not come ends in an error, never in "applied"', async () => {
    await send('o7', createOf({ id: 'before' }));
    const [applier] = test.fleet.appliers;
    await applier?.stop();
    const request = requestOf('o7', createOf({ id: 'meanwhile' }));
    try {
      const { status } = await failureOf(
        test.gateway().command.executeAtomic(request, { timeoutMs: 1_500 }),
      );
      expect(status).toBe('DeadlineExceeded');
    } finally {
      applier?.start();
      await applier?.ready(120_000);
    }
    // It stood in the log all the time: the same key settles it.
    const { result } = await test.gateway().command.executeAtomic(request, { timeoutMs });
    expect(result?.outcome.case).toBe('applied');
    expect((await nodeOf('o7', 'meanwhile'))?.version).toBe(1n);
  }, 200_000);

  it('O8: a position of another topic or partition is refused, not compared', async () => {
    const { position } = await send('o8', createOf({ id: 'here' }));
    const read = (atLeast: object) =>
      test
        .applier()
        .query.getNode(
          { scope: { tenantId: 'o8', atLeast: { ...position!, ...atLeast } }, id: 'here' },
          { timeoutMs },
        );
    for (const wrong of [
      { topic: 'other' },
      { partition: (position!.partition + 1) % 8 },
      { offset: -1n },
    ])
      expect(await failureOf(read(wrong))).toMatchObject({
        status: 'InvalidArgument',
        detail: { code: 'INVALID_POSITION' },
      });
    expect((await read({})).node?.id).toBe('here');
  });

  it('O15: two tenants give the same type number different meanings', async () => {
    const text = schemaOf([{ id: 1, name: 'value', kind: Kind.STR }], 7);
    const whole = schemaOf([{ id: 1, name: 'value', kind: Kind.INT }], 7);
    const seven = (id: string, value: ReturnType<typeof val.str>) =>
      createOf({ typeId: 7, id, fields: { 1: value } });
    await send('o15-text', { ...seven('a', val.str('x')), ...text });
    await send('o15-whole', { ...seven('a', val.int(1)), ...whole });
    expect((await nodeOf('o15-text', 'a'))?.fields[1]?.kind.case).toBe('str');
    expect((await nodeOf('o15-whole', 'a'))?.fields[1]?.kind.case).toBe('int');
    expect(
      await failureOf(send('o15-text', { ...seven('b', val.int(1)), ...whole })),
    ).toMatchObject({
      detail: { code: 'SCHEMA_INCOMPATIBLE' },
    });
  });

  // The hashes are those of Kafka's own tests of murmur2: every client puts these keys where Kafka's do.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])(
    'O18: the tenant %s is in the partition where every Kafka client puts it',
    async (tenantId, hash) => {
      const { partitions } = await test.gateway().admin.getTopology({}, { timeoutMs });
      const { position } = await send(tenantId, createOf({}));
      expect(position?.partition).toBe((hash & 0x7fffffff) % partitions);
    },
  );
});
