/** Method: gateways on one log in memory, with a small applier behind it; faults are made by the log. */
import { toBinary } from '@bufbuild/protobuf';
import { EntError, partitionOf } from '@entdb/base';
import {
  createIdMint,
  encodeWalRecord,
  ExecuteAtomicResponseSchema,
  val,
  Wait,
  type ExecuteAtomicRequest,
} from '@entdb/contracts';
import { walTopic, type AppendFault } from '@entdb/wal';
import fc from 'fast-check';
import { refusal, type TestApplierOptions } from './testing/applier.ts';
import {
  callOf,
  handlersOf,
  startTestFleet,
  testPartitions,
  type TestFleet,
} from './testing/gateways.ts';
import {
  callerOf,
  createNode,
  deleteNode,
  requestOf,
  testFingerprint,
  testSchema,
  updateNode,
} from './testing/requests.ts';

let fleet: TestFleet;
const begin = async (options: Partial<TestApplierOptions> = {}) => {
  fleet = await startTestFleet(options);
};
afterEach(() => fleet.close());

const applied = { wait: Wait.APPLIED };
const partition = partitionOf('acme', testPartitions);
const logEnd = async () => (await fleet.wal.bounds(walTopic, partition)).endOffset;

async function faultOf(work: Promise<unknown>): Promise<EntError> {
  const outcome = await work.then(
    () => new Error('it succeeded'),
    (error: unknown) => error,
  );
  if (outcome instanceof EntError) return outcome;
  throw outcome;
}

/** Resolves when the log has so many records of the tenant's partition: a condition, not a time. */
async function untilLogged(count: number): Promise<void> {
  while ((await logEnd()) < count) await new Promise(setImmediate);
}

describe('a durable write', () => {
  it('is answered with its place in the log and the ids', async () => {
    await begin();
    const gateway = await fleet.gateway();
    const create = createNode({ alias: '$a', typeId: 1 });
    const operations = [create, deleteNode({ typeId: 1, id: '$a' })];
    const { position, ids, result } = await gateway.execute(requestOf({ operations }), callerOf());
    const id = createIdMint('acme', 'key-1').idAt(0);
    expect(position).toMatchObject({ topic: walTopic, partition, offset: 0n, epoch: 0n });
    expect([ids, result]).toEqual([[id, ''], undefined]);
    await untilLogged(1);
    const { metrics } = gateway;
    expect((await metrics.scrape()).body).toMatch(/wal_append_latency_bucket\{le="0.1",.*\} 1/);
    expect((await metrics.scrape()).body).toMatch(/gateway_commands_total\{.*code="OK".*\} 1/);
  });

  it('that is refused leaves no trace in the log', async () => {
    await begin();
    const { execute } = await fleet.gateway();
    const requests = [
      requestOf({ operations: [] }),
      requestOf({ tenantId: 'a/b' }),
      requestOf({ operations: [createNode({ typeId: 1, fields: { 1: val.float(NaN) } })] }),
      requestOf({
        operations: [createNode({ typeId: 1, fields: { 1: val.str('x'.repeat(9_990)) } })],
      }),
    ];
    const codes = await Promise.all(
      requests.map(async (request) => (await faultOf(execute(request, callerOf()))).code),
    );
    expect(codes).toEqual([
      'EMPTY_TRANSACTION',
      'INVALID_TENANT_ID',
      'INVALID_VALUE',
      'RECORD_TOO_LARGE',
    ]);
    // Measured on the record, before the lane has to refuse it in words of its own.
    const tooLarge = await faultOf(execute(requests[3]!, callerOf()));
    expect(tooLarge.facts).toMatchObject({ field: 'operations', metadata: { limit: '10000' } });
    expect(await logEnd()).toBe(0);
  });

  it('of a caller who is gone before the append is not sent', async () => {
    await begin();
    const { execute } = await fleet.gateway();
    const signal = AbortSignal.abort(new EntError('CANCELED', 'gone'));
    expect((await faultOf(execute(requestOf(), callerOf({ signal })))).code).toBe('CANCELED');
    expect(await logEnd()).toBe(0);
  });
});

describe('one key', () => {
  it('has one result, byte for byte, through any gateway; another request under it is refused', async () => {
    await begin();
    const [one, other] = [await fleet.gateway(), await fleet.gateway()];
    const bytesOf = async (gateway: typeof one) =>
      toBinary(ExecuteAtomicResponseSchema, await gateway.execute(requestOf(applied), callerOf()));
    const first = await bytesOf(one);
    expect(await bytesOf(other)).toEqual(first);
    expect(await bytesOf(one)).toEqual(first);

    const changed = requestOf({ ...applied, operations: [createNode({ typeId: 2 })] });
    const fault = await faultOf(other.execute(changed, callerOf()));
    expect(fault.code).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(fault.facts).toMatchObject({ tenantId: 'acme', position: { offset: 3 } });
  });

  it('makes the same record in every gateway, but for the address of the verdict', async () => {
    await begin();
    const gateways = [await fleet.gateway(), await fleet.gateway()];
    const value = fc.oneof(
      fc.string({ unit: 'binary' }).map(val.str),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(val.int),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(val.float),
      fc.constant(val.ref('$a')),
    );
    const fields = fc.array(fc.tuple(fc.integer({ min: 1, max: 2 ** 31 }), value), {
      maxLength: 6,
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fields, fc.boolean(), async (entries, waits) => {
        round += 1;
        const idempotencyKey = `round-${round}`;
        // The order in which a client fills a map is its own affair.
        const orders = [entries, entries.toReversed()].map((order) => new Map(order));
        const [same] = orders;
        await Promise.all(
          gateways.map((gateway, i) => {
            const set = Object.fromEntries(
              [...(orders[i]?.keys() ?? [])].map((id) => [id, same!.get(id)!]),
            );
            const operations = [
              createNode({ alias: '$a', typeId: 1 }),
              updateNode({ typeId: 1, id: '$a', set }),
            ];
            const wait = waits ? Wait.APPLIED : Wait.DURABLE;
            return gateway.execute(requestOf({ idempotencyKey, operations, wait }), callerOf());
          }),
        );
        await untilLogged(round * 2);
        while (fleet.applier.seen.length < round * 2) await new Promise(setImmediate);
        const [one, other] = fleet.applier.seen
          .slice(-2)
          .map(({ record }) =>
            Buffer.from(encodeWalRecord({ ...record, results: undefined })).toString('hex'),
          );
        expect(one).toBe(other);
      }),
      { numRuns: 50 },
    );
  });
});

describe('an applied write', () => {
  it('that was rejected is an error with the stored words and their place', async () => {
    const error = {
      code: 'UNIQUE_VIOLATION',
      message: 'taken',
      field: 'operations[0]',
      metadata: { existing_id: 'x' },
    };
    await begin({ judge: () => ({ case: 'rejected', error }) });
    const { execute } = await fleet.gateway();
    const fault = await faultOf(execute(requestOf(applied), callerOf()));
    expect([fault.code, fault.message]).toEqual(['UNIQUE_VIOLATION', 'taken']);
    expect(fault.facts).toMatchObject({
      field: 'operations[0]',
      tenantId: 'acme',
      metadata: { existing_id: 'x' },
      position: { offset: 0, epoch: 1 },
    });
  });

  it('names the node that was there when the create was skipped', async () => {
    await begin({
      judge: () => ({ case: 'applied', operations: [{ id: 'there', changed: false }] }),
    });
    const { execute } = await fleet.gateway();
    expect((await execute(requestOf(applied), callerOf())).ids).toEqual(['there']);
  });

  it('tells where it stands when its verdict does not come before the deadline', async () => {
    await begin({ silent: true });
    const { execute } = await fleet.gateway();
    const caller = callerOf({ ms: 200 });
    const fault = await faultOf(execute(requestOf(applied), caller));
    expect(performance.now()).toBeLessThan(caller.deadline);
    expect(fault.code).toBe('DEADLINE_EXCEEDED');
    expect(fault.facts).toMatchObject({
      position: { topic: walTopic, partition, offset: 0 },
      hint: expect.stringContaining('GetResult'),
    });
    fleet.applier.resume();
    expect((await execute(requestOf(applied), callerOf())).position).toMatchObject({ offset: 0n });
  });

  it('stays in the log when its caller goes away', async () => {
    await begin({ silent: true });
    const { execute } = await fleet.gateway();
    const controller = new AbortController();
    const fault = faultOf(execute(requestOf(applied), callerOf({ signal: controller.signal })));
    await untilLogged(1);
    controller.abort(new EntError('CANCELED', 'the caller went away'));
    expect(await fault).toMatchObject({ code: 'CANCELED', facts: { position: { offset: 0 } } });
  });

  it('does not wait without bound: too many waits are refused before the append', async () => {
    await begin({ silent: true });
    const { execute } = await fleet.gateway({ verdictsWaitingMax: 1 });
    const first = execute(requestOf(applied), callerOf());
    const fault = await faultOf(
      execute(requestOf({ ...applied, idempotencyKey: 'b' }), callerOf()),
    );
    expect(fault).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      facts: { retryAfterMs: expect.any(Number) },
    });
    fleet.applier.resume();
    await first;
    expect(await logEnd()).toBe(1);
  });
});

describe('a schema', () => {
  const withSchema = { schemaFingerprint: testFingerprint };
  const bring = { ...withSchema, schema: testSchema };
  const broughtBy = async (count: number) => {
    while (fleet.applier.seen.length < count) await new Promise(setImmediate);
    return fleet.applier.seen.map(({ record }) => [
      record.schemaFingerprint === testFingerprint,
      record.schema !== undefined,
    ]);
  };

  it('is asked for once by each gateway, and stands once in the log of a tenant', async () => {
    await begin();
    const [one, other] = [await fleet.gateway(), await fleet.gateway()];
    const keyed = (idempotencyKey: string, init: object) => requestOf({ idempotencyKey, ...init });
    expect((await faultOf(one.execute(keyed('a', withSchema), callerOf()))).code).toBe(
      'SCHEMA_NEEDED',
    );
    await one.execute(keyed('a', bring), callerOf());
    await one.execute(keyed('b', withSchema), callerOf());
    await one.execute(keyed('c', {}), callerOf());
    expect((await faultOf(other.execute(keyed('d', withSchema), callerOf()))).code).toBe(
      'SCHEMA_NEEDED',
    );
    await other.execute(keyed('d', bring), callerOf());
    expect(await broughtBy(4)).toEqual([
      [true, true],
      [true, false],
      [false, false],
      [true, true],
    ]);
  });

  it('is brought again after a failed append', async () => {
    await begin();
    const faults: (AppendFault | undefined)[] = [{ kind: 'rejected' }];
    const { execute } = await fleet.gateway({}, { faults: () => faults.shift() });
    expect((await faultOf(execute(requestOf(bring), callerOf()))).code).toBe('OUTCOME_UNKNOWN');
    await execute(requestOf(withSchema), callerOf());
    expect(await broughtBy(1)).toEqual([[true, true]]);
  });

  it('is brought again when the applier lacks it', async () => {
    let lacks = false;
    await begin({
      judge: (record) =>
        lacks && !record.schema ? refusal('SCHEMA_NEEDED') : { case: 'applied', operations: [] },
    });
    const { execute } = await fleet.gateway();
    await execute(requestOf(bring), callerOf());
    lacks = true; // as after the tenant was deleted and made again by another gateway
    const again = requestOf({ ...withSchema, ...applied, idempotencyKey: 'again' });
    expect((await faultOf(execute(again, callerOf()))).code).toBe('SCHEMA_NEEDED');
    expect((await execute(again, callerOf())).result?.outcome.case).toBe('applied');
  });

  it.each<[string, Partial<ExecuteAtomicRequest>]>([
    ['with another fingerprint', { schemaFingerprint: 'sha256:00', schema: testSchema }],
    ['without its fingerprint', { schema: testSchema }],
    [
      'that contradicts itself',
      {
        schemaFingerprint: testFingerprint,
        schema: { ...testSchema, nodeTypes: [...testSchema.nodeTypes, ...testSchema.nodeTypes] },
      },
    ],
  ])('%s is refused', async (_name, init) => {
    await begin();
    const { execute } = await fleet.gateway();
    expect((await faultOf(execute({ ...requestOf(), ...init }, callerOf()))).code).toBe(
      'INVALID_SCHEMA',
    );
    expect(await logEnd()).toBe(0);
  });
});

describe('a log that fails', () => {
  const heavy = (idempotencyKey: string) =>
    requestOf({
      idempotencyKey,
      operations: [createNode({ typeId: 1, fields: { 1: val.str('x'.repeat(500_000)) } })],
    });

  it('leaves the outcome of what was in flight unknown, and sends what only waited through a new lane, in order', async () => {
    await begin();
    const faults: (AppendFault | undefined)[] = [{ kind: 'rejected' }];
    const gateway = await fleet.gateway(
      { recordBytesMax: 900_000, tenantPendingBytesMax: 1e8 },
      { faults: () => faults.shift() },
    );
    // Each fills a batch of its own, so the second and third wait while the first is in flight.
    const [first, ...others] = ['a', 'b', 'c'].map((key) =>
      gateway.execute(heavy(key), callerOf()),
    );
    const fault = await faultOf(first!);
    expect(fault).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      status: 'unavailable',
      facts: { tenantId: 'acme', retryAfterMs: expect.any(Number) },
    });
    expect((await Promise.all(others)).map(({ position }) => position?.offset)).toEqual([0n, 1n]);
    expect((await gateway.metrics.scrape()).body).toMatch(/gateway_lane_failures_total\{.*\} 1/);
  });

  it('that has stored what it did not confirm gives the one result to the retry', async () => {
    await begin();
    const faults: (AppendFault | undefined)[] = [{ kind: 'ackLost' }];
    const { execute } = await fleet.gateway({}, { faults: () => faults.shift() });
    expect((await faultOf(execute(requestOf(applied), callerOf()))).code).toBe('OUTCOME_UNKNOWN');
    expect((await execute(requestOf(applied), callerOf())).position).toMatchObject({
      offset: 0n,
      epoch: 1n,
    });
    expect(await logEnd()).toBe(2);
  });

  it('for ever does not hold a caller past its deadline', async () => {
    await begin();
    const { execute } = await fleet.gateway({}, { faults: () => ({ kind: 'rejected' }) });
    for (const _ of 'abc')
      expect((await faultOf(execute(requestOf(), callerOf()))).code).toBe('OUTCOME_UNKNOWN');
    const signal = AbortSignal.abort(new EntError('DEADLINE_EXCEEDED', 'late'));
    expect((await faultOf(execute(requestOf(), callerOf({ signal })))).code).toBe(
      'DEADLINE_EXCEEDED',
    );
  });

  it('that is slow lets in no more of one tenant than its share, and others all the same', async () => {
    await begin();
    const gate = Promise.withResolvers<void>();
    const slow = (): AppendFault => ({ kind: 'delayed', until: gate.promise });
    const { execute } = await fleet.gateway({ tenantPendingRecordsMax: 2 }, { faults: slow });
    const keyed = (idempotencyKey: string, tenantId = 'acme') =>
      execute(requestOf({ idempotencyKey, tenantId }), callerOf());
    const inFlight = [keyed('a'), keyed('b')];
    const fault = await faultOf(keyed('c'));
    expect(fault).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      facts: { tenantId: 'acme', retryAfterMs: expect.any(Number) },
    });
    inFlight.push(keyed('a', 'other'));
    gate.resolve();
    await Promise.all(inFlight);
    await keyed('c');
  });

  it('that is full passes its refusal on', async () => {
    await begin();
    const gate = Promise.withResolvers<void>();
    const slow = (): AppendFault => ({ kind: 'delayed', until: gate.promise });
    const { execute } = await fleet.gateway({ lanePendingBytesMax: 600 }, { faults: slow });
    const calls = 'abcdef'
      .split('')
      .map((idempotencyKey) => execute(requestOf({ idempotencyKey }), callerOf()));
    const fault = await Promise.any(calls.map(faultOf));
    expect(fault).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      facts: { tenantId: 'acme', retryAfterMs: expect.any(Number) },
    });
    gate.resolve();
    await Promise.allSettled(calls);
  });
});

describe('a tenant', () => {
  it('is made and deleted by records, and each is waited for', async () => {
    await begin();
    const { createTenant, deleteTenant } = handlersOf(await fleet.gateway());
    const request = { tenantId: 'acme', idempotencyKey: 'make' } as never;
    const made = await createTenant(request, callOf());
    expect(made.result?.position).toMatchObject({ offset: 0n });
    expect((await createTenant(request, callOf())).result).toEqual(made.result);
    expect((await faultOf(deleteTenant(request, callOf()))).code).toBe('IDEMPOTENCY_KEY_REUSED');
    await deleteTenant({ tenantId: 'acme', idempotencyKey: 'delete' } as never, callOf());
    expect(fleet.applier.seen.map(({ record }) => [record.body.case, record.autoCreate])).toEqual([
      ['tenantCreated', false],
      ['tenantCreated', false],
      ['tenantDeleted', false],
      ['tenantDeleted', false],
    ]);
    expect(
      (await faultOf(createTenant({ tenantId: '', idempotencyKey: 'x' } as never, callOf()))).code,
    ).toBe('INVALID_TENANT_ID');
  });

  it.each([true, false])(
    'comes to be with its first record if so set: %s',
    async (tenantAutoCreate) => {
      await begin();
      const { execute } = await fleet.gateway({ tenantAutoCreate });
      await execute(requestOf(applied), callerOf());
      expect(fleet.applier.seen[0]?.record).toMatchObject({
        autoCreate: tenantAutoCreate,
        actor: 'anonymous',
      });
    },
  );
});
