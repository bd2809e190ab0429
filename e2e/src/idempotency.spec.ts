/**
 * One key, one effect, one result (P2), shown from outside: through two gateways, before and after the applier was killed.
 * Method: one fleet for all tests, a tenant for each; requests and results are compared as bytes.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  ExecuteAtomicRequestSchema,
  TransactionResultSchema,
  val,
  Wait,
  type ExecuteAtomicRequest,
  type ExecuteAtomicResponse,
  type TransactionResult,
} from '@entdb/contracts';
import { failureOf } from './parts/failure.ts';
import { startTestFleet, type TestFleet } from './parts/fleet.ts';

let test: TestFleet;
beforeAll(async () => {
  test = await startTestFleet({ gateways: 2 });
}, 200_000);
afterAll(() => test[Symbol.asyncDispose](), 60_000);

const timeoutMs = 60_000;

function requestOf(tenantId: string, idempotencyKey: string, note = 'first'): ExecuteAtomicRequest {
  return create(ExecuteAtomicRequestSchema, {
    tenantId,
    idempotencyKey,
    wait: Wait.APPLIED,
    operations: [
      {
        op: {
          case: 'createNode',
          value: {
            alias: '$a',
            typeId: 1,
            fields: { 1: val.str(note), 2: val.int(2n ** 62n + 1n) },
          },
        },
      },
      { op: { case: 'createNode', value: { typeId: 1, fields: { 3: val.ref('$a') } } } },
      { op: { case: 'deleteWhere', value: { typeId: 2 } } },
    ],
  });
}

const send = (gateway: number, request: ExecuteAtomicRequest): Promise<ExecuteAtomicResponse> =>
  test.gateway(gateway).command.executeAtomic(request, { timeoutMs });

const bytesOf = (result: TransactionResult | undefined): string => {
  if (!result) throw new Error('there is no result');
  return Buffer.from(toBinary(TransactionResultSchema, result)).toString('hex');
};

const storedResult = async (tenantId: string, idempotencyKey: string) => {
  const { result } = await test
    .applier()
    .query.getResult({ scope: { tenantId }, idempotencyKey }, { timeoutMs });
  return bytesOf(result);
};

const nodeCount = async (tenantId: string) =>
  (await test.applier().query.getTenant({ scope: { tenantId } }, { timeoutMs })).nodeCount;

async function killApplier(): Promise<void> {
  const [applier] = test.fleet.appliers;
  await applier?.kill('SIGKILL');
  await applier?.ready(120_000);
}

describe('one key through two gateways', () => {
  it('has one effect and one result, byte for byte, before and after the applier was killed', async () => {
    const request = requestOf('two-gateways', 'key');
    const first = await send(0, request);
    const second = await send(1, request);
    const before = await storedResult('two-gateways', 'key');
    expect(bytesOf(second.result)).toBe(bytesOf(first.result));
    expect(before).toBe(bytesOf(first.result));
    expect(second.ids).toEqual(first.ids);
    await killApplier();
    const third = await send(1, request);
    const fourth = await send(0, request);
    expect([bytesOf(third.result), bytesOf(fourth.result)]).toEqual([before, before]);
    expect(await storedResult('two-gateways', 'key')).toBe(before);
    expect(await nodeCount('two-gateways')).toBe(2n);
  }, 200_000);

  it('is refused with another body, before and after the applier was killed, and changes nothing', async () => {
    await send(0, requestOf('another-body', 'key'));
    const before = await storedResult('another-body', 'key');
    const other = requestOf('another-body', 'key', 'second');
    for (const gateway of [0, 1])
      expect(await failureOf(send(gateway, other))).toMatchObject({
        detail: { code: 'IDEMPOTENCY_KEY_REUSED' },
      });
    await killApplier();
    for (const gateway of [0, 1])
      expect(await failureOf(send(gateway, other))).toMatchObject({
        detail: { code: 'IDEMPOTENCY_KEY_REUSED' },
      });
    expect(await storedResult('another-body', 'key')).toBe(before);
    expect(await nodeCount('another-body')).toBe(2n);
  }, 200_000);

  it('has one effect when both send it at once, again and again', async () => {
    const rounds = 20;
    for (let round = 0; round < rounds; round += 1) {
      const request = requestOf('at-once', `key-${round}`);
      const answers = await Promise.all([0, 1, 0, 1].map((gateway) => send(gateway, request)));
      const results = new Set(answers.map(({ result }) => bytesOf(result)));
      expect(results.size).toBe(1);
    }
    expect(await nodeCount('at-once')).toBe(BigInt(2 * rounds));
  }, 200_000);

  it('keeps a rejection as it is: the same error from both, even when it could succeed by now', async () => {
    const [tenantId, id] = ['rejected', 'wanted'];
    const update = create(ExecuteAtomicRequestSchema, {
      tenantId,
      idempotencyKey: 'update',
      wait: Wait.APPLIED,
      operations: [
        { op: { case: 'updateNode', value: { typeId: 1, id, set: { 1: val.str('x') } } } },
      ],
    });
    await send(0, requestOf(tenantId, 'something'));
    const first = await failureOf(send(0, update));
    expect(first.detail?.code).toBe('NOT_FOUND');
    await send(
      0,
      create(ExecuteAtomicRequestSchema, {
        tenantId,
        idempotencyKey: 'create',
        wait: Wait.APPLIED,
        operations: [{ op: { case: 'createNode', value: { typeId: 1, id } } }],
      }),
    );
    expect((await failureOf(send(1, update))).detail).toEqual(first.detail);
    await killApplier();
    expect((await failureOf(send(1, update))).detail).toEqual(first.detail);
  }, 200_000);
});
