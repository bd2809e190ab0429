/**
 * Integers beyond 2^53 are exact everywhere (faults 41, 42; O13): where one passes through a double anywhere on its way, it comes
 * out as its neighbour. Each test writes neighbours that a double cannot tell apart.
 */
import { createClient, defineSchema, edgeType, field, nodeType, type Client } from '@entdb/client';
import { create } from '@bufbuild/protobuf';
import { ExecuteAtomicRequestSchema, val, Wait } from '@entdb/contracts';
import { startTestFleet, type TestFleet } from './parts/fleet.ts';
import { postJson } from './parts/wire.ts';

const Account = nodeType(
  'Account',
  1,
  {
    number: field.int(1, { required: true, unique: true }),
    balance: field.int(2, { indexed: true }),
    history: field.list(field.int(3)),
    notes: field.json(4),
    region: field.int(5),
    at: field.timestamp(6),
  },
  { unique: [['balance', 'region']] },
);
const Paid = edgeType('paid', 1, {
  from: [Account],
  to: [Account],
  fields: { amount: field.int(1) },
});
const schema = defineSchema({ nodes: [Account], edges: [Paid] });

const extremes = [
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  2n ** 63n - 1n,
  2n ** 63n - 2n,
  -(2n ** 63n),
  -(2n ** 63n) + 1n,
];

let test: TestFleet;
let client: Client<typeof Account, typeof Paid>;
beforeAll(async () => {
  test = await startTestFleet({ gateways: 1 });
  client = createClient({ endpoint: test.fleet.endpoint, schema, timeoutMs: 60_000 });
}, 200_000);
afterAll(async () => {
  await client?.close();
  await test[Symbol.asyncDispose]();
}, 60_000);

describe('integers beyond 2^53', () => {
  it('come back as they were written, from fields, lists, JSON and edges', async () => {
    const tenant = client.tenant('payload');
    for (const number of extremes) {
      const { returned } = await tenant.atomic((plan) => {
        const notes = { deep: [number], text: String(number) };
        const account = plan.create(Account, {
          number,
          balance: number,
          history: [number, 0n],
          notes,
          at: number,
        });
        plan.link(Paid, account, account, { amount: number });
        return { account };
      });
      const node = await tenant.get(Account, returned.account);
      expect(node?.fields).toMatchObject({
        number,
        balance: number,
        history: [number, 0n],
        at: number,
      });
      expect(node?.fields.notes?.parse()).toEqual({ deep: [number], text: String(number) });
      const edge = await tenant.edges(returned.account).first();
      expect(edge?.fields).toEqual({ amount: number });
    }
  }, 120_000);

  it('are told apart by filters, order and unique keys', async () => {
    const tenant = client.tenant('filters');
    await tenant.batch(
      extremes.map(
        (number) => (plan) =>
          void plan.create(Account, { number, balance: number, region: number }),
      ),
    );
    const ascending = extremes.toSorted((a, b) => (a < b ? -1 : 1));
    const read = await tenant.query(Account).orderBy('balance').all();
    expect(read.map(({ fields }) => fields.balance)).toEqual(ascending);
    for (const number of extremes) {
      const numbers = async (query: ReturnType<typeof tenant.query<typeof Account>>) =>
        (await query.orderBy('balance').all()).map(({ fields }) => fields.number);
      const query = tenant.query(Account);
      expect(await numbers(query.where((a) => a.balance.eq(number)))).toEqual([number]);
      expect(await numbers(query.where((a) => a.balance.gt(number)))).toEqual(
        ascending.filter((n) => n > number),
      );
      expect(await numbers(query.where((a) => a.balance.lte(number)))).toEqual(
        ascending.filter((n) => n <= number),
      );
      expect(await numbers(query.where((a) => a.balance.in([number])))).toEqual([number]);
      expect((await tenant.getByKey(Account, { number }))?.fields.number).toBe(number);
      expect(
        (await tenant.getByKey(Account, { balance: number, region: number }))?.fields.number,
      ).toBe(number);
    }
  }, 120_000);

  it('are told apart by compare-and-set and by uniqueness', async () => {
    const tenant = client.tenant('compare');
    const number = 2n ** 53n + 1n;
    const { returned: id } = await tenant.atomic((plan) =>
      plan.create(Account, { number, balance: number }),
    );
    const raise = (seen: bigint) =>
      tenant.atomic((plan) => {
        plan.expect(Account, id, { balance: seen });
        plan.update(Account, id, { balance: seen + 1n });
      });
    await expect(raise(number - 1n)).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    await expect(raise(number + 1n)).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    await raise(number);
    expect((await tenant.get(Account, id))?.fields.balance).toBe(number + 1n);
    await expect(
      tenant.atomic((plan) => void plan.create(Account, { number })),
    ).rejects.toMatchObject({ code: 'UNIQUE_VIOLATION' });
    await tenant.atomic((plan) => void plan.create(Account, { number: number - 1n }));
  }, 120_000);

  it('are exact in JSON over HTTP, as text and as numbers', async () => {
    const tenantId = 'json';
    const post = (key: string, int: string) =>
      postJson(
        test.fleet.endpoint,
        'CommandService/ExecuteAtomic',
        `{"tenantId":"${tenantId}","idempotencyKey":"${key}","wait":"WAIT_APPLIED","operations":[{"createNode":{"typeId":1,"id":"${key}","fields":{"1":{"int":${int}}}}}]}`,
      );
    const read = async (id: string) => {
      const { text } = await postJson(test.fleet.appliers[0]!.address, 'QueryService/GetNode', {
        scope: { tenantId },
        id,
      });
      return /"int":"?(-?\d+)"?/.exec(text)?.[1];
    };
    for (const [i, number] of extremes.entries()) {
      expect((await post(`text-${i}`, `"${number}"`)).http).toBe(200);
      expect(await read(`text-${i}`)).toBe(String(number));
    }
    for (const [i, number] of extremes.entries()) {
      expect((await post(`number-${i}`, String(number))).http).toBe(200);
      expect(await read(`number-${i}`)).toBe(String(number));
    }
    for (const tooLarge of ['9223372036854775808', '-9223372036854775809'])
      for (const int of [`"${tooLarge}"`, tooLarge])
        expect((await post('large', int)).http).toBe(400);
  }, 120_000);

  it('are exact on the stream of writes and in what is watched', async () => {
    const tenantId = 'stream';
    const sent = extremes.map((number, i) => ({
      id: BigInt(i),
      transaction: create(ExecuteAtomicRequestSchema, {
        tenantId,
        idempotencyKey: `key-${i}`,
        wait: Wait.APPLIED,
        operations: [
          { op: { case: 'createNode', value: { typeId: 1, fields: { 1: val.int(number) } } } },
        ],
      }),
    }));
    const outcomes = test.gateway().command.executeStream(
      (async function* () {
        yield* sent;
      })(),
    );
    let answered = 0;
    for await (const { outcome } of outcomes) {
      expect(outcome?.outcome.case).toBe('response');
      answered += 1;
    }
    expect(answered).toBe(extremes.length);
    const seen: unknown[] = [];
    for await (const { transaction } of client.tenant(tenantId).watch()) {
      const [operation] = transaction.operations;
      if (operation?.op.case === 'createNode') seen.push(operation.op.value.fields[1]?.kind.value);
      if (seen.length === extremes.length) break;
    }
    expect(seen).toEqual(extremes);
  }, 120_000);
});
