/**
 * Reads that know what they must see (P5), while appliers are several, are killed, and share the tenants among them.
 */
import { createClient, defineSchema, field, nodeType, type Client } from '@entdb/client';
import { failureOf } from './parts/failure.ts';
import { startTestFleet, type TestFleet } from './parts/fleet.ts';
import { untilCaughtUp } from './parts/quiet.ts';

const Note = nodeType('Note', 1, { text: field.str(1, { required: true }), n: field.int(2) });
const schema = defineSchema({ nodes: [Note] });
const timeoutMs = 60_000;

const clientOf = (test: TestFleet, gateway = 0): Client<typeof Note> =>
  createClient({ endpoint: test.fleet.gateways[gateway]!.address, schema, timeoutMs });

describe('two replicas', () => {
  let test: TestFleet;
  beforeAll(async () => {
    test = await startTestFleet({ gateways: 2, appliers: 2 });
    await untilCaughtUp(test.gateway(), 2);
  }, 200_000);
  afterAll(() => test[Symbol.asyncDispose](), 60_000);

  it('both show a write to whoever names its position, and the SDK shows it to its writer', async () => {
    await using client = clientOf(test);
    const tenant = client.tenant('replicas');
    for (let n = 0; n < 30; n += 1) {
      const receipt = await tenant.atomic(
        (plan) => plan.create(Note, { text: 'x', n: BigInt(n) }),
        { wait: 'durable' },
      );
      const { returned: id, position } = receipt;
      expect((await tenant.get(Note, id))?.fields.n).toBe(BigInt(n));
      for (const index of [0, 1]) {
        const { topic, partition, offset } = position;
        const atLeast = { topic, partition, offset: BigInt(offset) };
        const { node } = await test
          .applier(index)
          .query.getNode({ scope: { tenantId: 'replicas', atLeast }, id }, { timeoutMs });
        expect(node?.fields[2]?.kind).toEqual({ case: 'int', value: BigInt(n) });
      }
    }
  }, 120_000);

  it('come to the same digests', async () => {
    const digests = await Promise.all(
      [0, 1].map(async (index) => {
        const scope = { tenantId: 'replicas' };
        const { canonicalDigest, mailboxDigest, sequence } = await test
          .applier(index)
          .query.getTenant({ scope }, { timeoutMs });
        return { canonicalDigest, mailboxDigest, sequence };
      }),
    );
    expect(digests[0]?.canonicalDigest).not.toBe('');
    expect(digests[1]).toEqual(digests[0]);
  });

  it('stand in for each other: a program reads on when one of them is killed', async () => {
    await using client = clientOf(test);
    const tenant = client.tenant('replicas');
    const { returned: id } = await tenant.atomic((plan) => plan.create(Note, { text: 'stays' }));
    for (const applier of test.fleet.appliers) {
      await applier.kill('SIGKILL');
      expect((await tenant.get(Note, id))?.fields.text).toBe('stays');
      await applier.ready(120_000);
    }
  }, 300_000);

  it('a position that is not there yet is an error by the deadline, never an older answer', async () => {
    const tenantId = 'replicas';
    const { position } = await test
      .applier()
      .query.getTenant({ scope: { tenantId } }, { timeoutMs });
    const atLeast = { ...position!, offset: position!.offset + 1_000n };
    const read = test
      .applier()
      .query.getNode({ scope: { tenantId, atLeast }, id: 'x' }, { timeoutMs: 500 });
    // The server's word where it is in time, else the client's own clock.
    const { status, detail } = await failureOf(read);
    expect(status).toBe('DeadlineExceeded');
    expect([undefined, 'POSITION_NOT_REACHED', 'DEADLINE_EXCEEDED']).toContain(detail?.code);
  });
});

describe('a watch', () => {
  it('has neither gap nor repeat when the applier is killed again and again', async () => {
    await using test = await startTestFleet({ gateways: 1 });
    await using client = clientOf(test);
    await using watcher = clientOf(test);
    const tenant = client.tenant('watched');
    const total = 120;
    const killAfter = [20, 60, 90];
    const seen: bigint[] = [];
    const offsets: number[] = [];
    await tenant.atomic((plan) => plan.create(Note, { text: 'who watches must find a tenant' }));
    const watching = (async () => {
      for await (const { transaction, position } of watcher.tenant('watched').watch()) {
        const [operation] = transaction.operations;
        const value =
          operation?.op.case === 'createNode' ? operation.op.value.fields[2] : undefined;
        if (value?.kind.case === 'int') seen.push(value.kind.value);
        offsets.push(position.offset);
        if (seen.length === total) return;
      }
    })();
    const [applier] = test.fleet.appliers;
    for (let n = 0; n < total; n += 1) {
      await tenant.atomic((plan) => plan.create(Note, { text: 'x', n: BigInt(n) }), {
        wait: 'durable',
      });
      if (!killAfter.includes(n)) continue;
      await applier?.ready(120_000);
      await applier?.kill('SIGKILL');
    }
    await watching;
    expect(seen).toEqual(Array.from({ length: total }, (_, n) => BigInt(n)));
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    expect(applier?.restarts).toBe(killAfter.length);
  }, 300_000);
});

describe('two shards', () => {
  it('each answer for their tenants and name the other for those that are not theirs', async () => {
    await using test = await startTestFleet({
      gateways: 1,
      appliers: 2,
      env: { ENTDB_SHARDS: '2' },
      envOf: (name): Record<string, string> => (name === 'applier-1' ? { ENTDB_SHARD: '1' } : {}),
    });
    await untilCaughtUp(test.gateway(), 2);
    await using client = clientOf(test);
    const owners = new Set<number>();
    for (let i = 0; i < 8; i += 1) {
      const tenantId = `shard-${i}`;
      const tenant = client.tenant(tenantId);
      const { returned: id, position } = await tenant.atomic((plan) =>
        plan.create(Note, { text: tenantId }),
      );
      expect((await tenant.get(Note, id))?.fields.text).toBe(tenantId);
      const owner = position.partition % 2;
      owners.add(owner);
      const asked = test
        .applier(1 - owner)
        .query.getNode({ scope: { tenantId }, id }, { timeoutMs });
      const { status, detail } = await failureOf(asked);
      expect({ status, code: detail?.code }).toEqual({
        status: 'Unavailable',
        code: 'WRONG_OWNER',
      });
      expect(detail?.metadata).toMatchObject({
        shard: String(owner),
        address: test.fleet.appliers[owner]!.address,
      });
      const { node } = await test
        .applier(owner)
        .query.getNode({ scope: { tenantId }, id }, { timeoutMs });
      expect(node?.id).toBe(id);
    }
    expect(owners.size).toBe(2);
    const listed = await client.tenants.list().all();
    expect([...listed].toSorted()).toEqual(Array.from({ length: 8 }, (_, i) => `shard-${i}`));
  }, 300_000);
});
