/** Method: the whole client against a fleet in memory behind Connect's in-process transport; each story has its faults. */
import { partitionOf } from '@entdb/base';
import type { ExecuteAtomicRequest } from '@entdb/contracts';
import { createClientOn, type Client, type ClientOptions } from './client.ts';
import {
  brokenConnection,
  createFakeFleet,
  gatewayAddress,
  partitions,
  rpcError,
  type FakeFleet,
} from './testing/fake-fleet.ts';
import { caught, rejected } from './testing/caught.ts';
import { Post, schema, User, Follows, type Rates } from './testing/model.ts';

type NodeTypes = typeof User | typeof Post;
type EdgeTypes = typeof Follows | typeof Rates;

let fleet: FakeFleet;
let clients: Client<NodeTypes, EdgeTypes>[];
beforeEach(() => {
  fleet = createFakeFleet();
  clients = [];
});
afterEach(() => Promise.all(clients.map((client) => client.close())));

function connect(options: Partial<ClientOptions<NodeTypes, EdgeTypes>> = {}) {
  const client = createClientOn((address) => fleet.connect(address), {
    endpoint: gatewayAddress,
    schema,
    ...options,
  });
  clients.push(client);
  return client;
}
const acmeOf = (options: Partial<ClientOptions<NodeTypes, EdgeTypes>> = {}) =>
  connect(options).tenant('acme');
const keysOf = (requests: readonly ExecuteAtomicRequest[]) =>
  requests.map(({ idempotencyKey }) => idempotencyKey);

/** Refuses the first so many calls. */
function failing<Call>(times: number, error: () => Error): (call: Call) => void {
  let left = times;
  return () => {
    if (left-- > 0) throw error();
  };
}

describe.each(['auto', 'unary'] as const)('writes (%s)', (writes) => {
  it('give the position, the ids, and what the planner returned with ids in it', async () => {
    const result = await acmeOf({ writes }).atomic((plan) => {
      plan.delete(Post, 'gone');
      const alice = plan.create(User, { email: 'alice' });
      const bob = plan.create(User, { email: 'bob' });
      plan.link(Follows, alice, bob);
      return { alice, both: [alice, bob] };
    });
    const [none, alice, bob, edge] = result.ids;
    expect([none, edge]).toEqual([undefined, undefined]);
    expect(result.returned).toEqual({ alice, both: [alice, bob] });
    expect(fleet.tenant('acme').nodes.has(alice ?? '')).toBe(true);
    expect(result.position).toMatchObject({ topic: 'entdb-wal', offset: 0, epoch: 1 });
    expect(result.operations).toHaveLength(4);
    expect(result.idempotencyKey).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  it('answer the same for the same key', async () => {
    const acme = acmeOf({ writes });
    const write = () =>
      acme.atomic((plan) => plan.create(User, { email: 'a' }), { idempotencyKey: 'once' });
    const [first, second] = [await write(), await write()];
    expect(second.returned).toBe(first.returned);
    expect(second.position).toEqual(first.position);
    expect(fleet.tenant('acme').nodes.size).toBe(1);
  });

  it('bring the definitions when the gateway asks for them', async () => {
    const known = new Set<string>();
    fleet.faults.execute = ({ schema: definition, schemaFingerprint }) => {
      if (definition) known.add(schemaFingerprint);
      if (!known.has(schemaFingerprint)) throw rpcError('SCHEMA_NEEDED');
    };
    const acme = acmeOf({ writes });
    await acme.atomic((plan) => plan.create(User, { email: 'a' }));
    await acme.atomic((plan) => plan.create(User, { email: 'b' }));
    expect(fleet.executed.map((request) => request.schema !== undefined)).toEqual([
      false,
      true,
      false,
    ]);
    expect(new Set(keysOf(fleet.executed.slice(0, 2))).size).toBe(1);
    expect(known).toEqual(new Set([schema.fingerprint]));
  });

  it('are sent again with the same key while there is hope', async () => {
    const errors = [
      rpcError('OUTCOME_UNKNOWN'),
      rpcError('LOG_UNAVAILABLE'),
      rpcError('RESOURCE_EXHAUSTED', 'busy', { retryAfterMs: 1 }),
    ];
    fleet.faults.execute = () => {
      const error = errors.shift();
      if (error) throw error;
    };
    await acmeOf({ writes }).atomic((plan) => plan.create(User, { email: 'a' }));
    expect(fleet.executed).toHaveLength(4);
    expect(new Set(keysOf(fleet.executed)).size).toBe(1);
  });

  it('throw a verdict as it is, at once, with the key', async () => {
    fleet.faults.execute = failing(9, () =>
      rpcError('UNIQUE_VIOLATION', 'taken', {
        field: 'f',
        hint: 'h',
        position: { topic: 't', partition: 1, offset: 7 },
        metadata: { id: 'x' },
      }),
    );
    const error = await rejected(
      acmeOf({ writes }).atomic((plan) => plan.create(User, { email: 'a' }), {
        idempotencyKey: 'k',
      }),
    );
    expect(error).toMatchObject({
      code: 'UNIQUE_VIOLATION',
      facts: {
        field: 'f',
        hint: 'h',
        position: { offset: 7 },
        metadata: { id: 'x', idempotency_key: 'k' },
      },
    });
    expect(fleet.executed).toHaveLength(1);
  });

  it('end with the budget, and say which key to ask for', async () => {
    fleet.faults.execute = failing(99, () => rpcError('LOG_UNAVAILABLE'));
    const error = await rejected(
      acmeOf({ writes }).atomic((plan) => plan.create(User, { email: 'a' }), { timeoutMs: 1_500 }),
    );
    expect(error.code).toBe('LOG_UNAVAILABLE');
    expect(error.facts.metadata?.['idempotency_key']).toBe(fleet.executed[0]?.idempotencyKey);
    expect(fleet.executed.length).toBeGreaterThan(1);
  });

  it.each([
    ['the time is over', 'DEADLINE_EXCEEDED', { timeoutMs: 20 }],
    ['its signal is aborted before', 'CANCELED', { signal: AbortSignal.abort() }],
    ['its signal is aborted meanwhile', 'CANCELED', { signal: AbortSignal.timeout(20) }],
    ['the time is none', 'INVALID_DEADLINE', { timeoutMs: NaN }],
  ])('end when %s', async (_when, code, options) => {
    const held = Promise.withResolvers<void>();
    fleet.faults.hold = held.promise;
    const error = await rejected(
      acmeOf({ writes }).atomic((plan) => plan.create(User, { email: 'a' }), options),
    );
    expect(error.code).toBe(code);
    held.resolve();
  });

  it('may be content with the log', async () => {
    const receipt = await acmeOf({ writes }).atomic((plan) => plan.create(User, { email: 'a' }), {
      wait: 'durable',
    });
    expect(receipt).not.toHaveProperty('operations');
    expect(fleet.tenant('acme').nodes.has(receipt.returned)).toBe(true);
  });
});

describe('writes on the stream', () => {
  it('get their own verdicts however it breaks, with the same keys, once each', async () => {
    fleet.faults.streamBreaks = [0, 3, 7, 1];
    const acme = acmeOf({ outstandingMax: 8 });
    const emails = Array.from({ length: 40 }, (_, i) => `user-${i}`);
    const results = await Promise.all(
      emails.map((email) => acme.atomic((plan) => plan.create(User, { email }))),
    );
    const stored = results.map(
      ({ returned }) => fleet.tenant('acme').nodes.get(returned)?.fields[1]?.kind.value,
    );
    expect(stored).toEqual(emails);
    expect(fleet.tenant('acme').nodes.size).toBe(40);
    expect(fleet.tenant('acme').applied.map(({ position }) => position.offset)).toEqual(
      emails.map((_, i) => i),
    );
    expect(fleet.streams.opened).toBe(5);
    expect(fleet.executed.length).toBeGreaterThan(40);
  });

  it('keep the order of the calls', async () => {
    const acme = acmeOf({ outstandingMax: 4 });
    const keys = Array.from({ length: 30 }, (_, i) => `key-${i}`);
    await Promise.all(
      keys.map((idempotencyKey) =>
        acme.atomic((plan) => plan.create(User, { email: idempotencyKey }), { idempotencyKey }),
      ),
    );
    expect(keysOf(fleet.executed)).toEqual(keys);
  });

  it('fall back to calls of their own where the transport has no streams', async () => {
    fleet.faults.noStreams = true;
    const acme = acmeOf();
    await Promise.all(
      [1, 2, 3].map((i) => acme.atomic((plan) => plan.create(User, { email: `${i}` }))),
    );
    expect(fleet.tenant('acme').nodes.size).toBe(3);
  });

  it('leave what is large to a call of its own', async () => {
    fleet.faults.streamBreaks = [0];
    const acme = acmeOf();
    await acme.atomic((plan) => plan.create(User, { email: 'a', bio: 'x'.repeat(200_000) }));
    expect(fleet.streams.opened).toBe(0);
  });

  it('fail when the client is closed', async () => {
    const held = Promise.withResolvers<void>();
    fleet.faults.hold = held.promise;
    const client = connect();
    const open = rejected(
      client.tenant('acme').atomic((plan) => plan.create(User, { email: 'a' })),
    );
    await client.close();
    expect((await open).code).toBe('CANCELED');
    held.resolve();
  });
});

describe('a connection that breaks', () => {
  it('leaves the outcome of a write unknown', async () => {
    fleet.faults.execute = failing(99, brokenConnection);
    const error = await rejected(
      acmeOf({ writes: 'unary' }).atomic((plan) => plan.create(User, { email: 'a' }), {
        timeoutMs: 60,
      }),
    );
    expect(error.code).toBe('OUTCOME_UNKNOWN');
  });
});

describe('a batch', () => {
  it('has a verdict for each plan, in order, and tries again what may succeed', async () => {
    let busy = true;
    fleet.faults.execute = ({ idempotencyKey }) => {
      if (idempotencyKey === 'k1') throw rpcError('UNIQUE_VIOLATION');
      if (idempotencyKey === 'k2' && busy) {
        busy = false;
        throw rpcError('RESOURCE_EXHAUSTED');
      }
    };
    const emails = Array.from({ length: 300 }, (_, i) => `user-${i}`);
    const outcomes = await acmeOf().batch(
      emails.map((email) => (plan) => plan.create(User, { email })),
      { idempotencyKey: (i) => `k${i}` },
    );
    expect(outcomes).toHaveLength(300);
    expect(outcomes[1]).toMatchObject({ ok: false, error: { code: 'UNIQUE_VIOLATION' } });
    const stored = outcomes.map(
      (one) => one.ok && fleet.tenant('acme').nodes.get(one.result.returned)?.fields[1]?.kind.value,
    );
    expect(stored).toEqual(emails.map((email, i) => (i === 1 ? false : email)));
    expect(fleet.executed).toHaveLength(301);
  });
});

describe('reads', () => {
  const write = (acme: ReturnType<typeof acmeOf>, email: string) =>
    acme.atomic((plan) => plan.create(User, { email }));
  const scopes = () => fleet.reads.map(({ scope }) => scope?.atLeast?.offset);

  it('see what the client has written: they name its position', async () => {
    const acme = acmeOf();
    expect(acme.position).toBeUndefined();
    await acme.get(User, 'none');
    const { returned, position } = await write(acme, 'a');
    expect(acme.position).toEqual(position);
    expect(await acme.get(User, returned)).toMatchObject({
      type: 'User',
      id: returned,
      fields: { email: 'a' },
    });
    await acme.get(User, returned, { consistency: 'any' });
    await acme.get(User, returned, { consistency: { atLeast: { ...position, offset: 5 } } });
    expect(scopes()).toEqual([undefined, 0n, undefined, 5n]);
  });

  it('see what the client has read before', async () => {
    const { returned } = await write(acmeOf(), 'a');
    const other = acmeOf();
    await other.get(User, returned);
    await other.get(User, returned);
    expect(scopes()).toEqual([undefined, 0n]);
  });

  it('give up a position of a history that is no more, after saying so', async () => {
    const acme = acmeOf();
    await write(acme, 'a');
    fleet.faults.read = failing(1, () => rpcError('STALE_EPOCH'));
    expect((await rejected(acme.get(User, 'x'))).code).toBe('STALE_EPOCH');
    await acme.get(User, 'x');
    expect(scopes()).toEqual([0n, undefined]);
  });

  it('go on from where the tenant is after a restore, once that was said', async () => {
    const acme = acmeOf();
    const { position } = await write(acme, 'a');
    const now = { ...position, offset: 7, epoch: 2 };
    fleet.faults.read = failing(1, () => rpcError('STALE_EPOCH', 'restored', { position: now }));
    const error = await rejected(acme.get(User, 'x'));
    expect(error).toMatchObject({ code: 'STALE_EPOCH', facts: { position: now } });
    expect(acme.position).toEqual(now);
    await acme.get(User, 'x');
    expect(scopes()).toEqual([0n, 7n]);
  });

  it('watched until a restore end with it, and the session goes on from there', async () => {
    const acme = acmeOf();
    const { position } = await write(acme, 'a');
    const now = { ...position, offset: 7, epoch: 2 };
    fleet.faults.read = failing(1, () => rpcError('STALE_EPOCH', 'restored', { position: now }));
    expect((await rejected(acme.watch({ after: position }).next())).code).toBe('STALE_EPOCH');
    expect(acme.position).toEqual(now);
  });

  it('ask for the map of the fleet once', async () => {
    const acme = acmeOf();
    await Promise.all([1, 2, 3].map(() => acme.get(User, 'x')));
    expect(fleet.topologyAsked.times).toBe(1);
  });

  it('go to the shard of the tenant', async () => {
    fleet.appliers = [['http://a'], ['http://b']];
    const client = connect();
    for (const id of ['t0', 't1', 't2', 't3', 't4']) await client.tenant(id).info();
    const expected = ['t0', 't1', 't2', 't3', 't4'].map(
      (id) => ['http://a', 'http://b'][partitionOf(id, partitions) % 2],
    );
    expect(fleet.reads.map(({ address }) => address)).toEqual(expected);
    expect(new Set(expected).size).toBe(2);
  });

  it('follow the owner', async () => {
    fleet.appliers = [['http://old']];
    fleet.faults.read = ({ address }) => {
      if (address === 'http://old')
        throw rpcError('WRONG_OWNER', 'moved', { metadata: { address: 'http://new' } });
    };
    const acme = acmeOf();
    await acme.get(User, 'x');
    expect(fleet.reads.map(({ address }) => address)).toEqual(['http://old', 'http://new']);
    fleet.appliers = [['http://new']];
    await acme.get(User, 'x');
    expect(fleet.reads.map(({ address }) => address).slice(2)).toEqual(['http://new']);
    expect(fleet.topologyAsked.times).toBe(2);
  });

  it('go to one address where it is forced', async () => {
    const acme = acmeOf({ queryEndpoint: 'http://forced' });
    await acme.get(User, 'x');
    fleet.faults.read = failing(9, () =>
      rpcError('WRONG_OWNER', 'no', { metadata: { address: 'http://new' } }),
    );
    expect((await rejected(acme.get(User, 'x'))).code).toBe('WRONG_OWNER');
    expect(new Set(fleet.reads.map(({ address }) => address))).toEqual(new Set(['http://forced']));
    expect(fleet.topologyAsked.times).toBe(0);
  });

  it.each([
    ['a broken connection', brokenConnection],
    ['a server that stops', () => rpcError('SHUTTING_DOWN')],
    ['a replica that lags', () => rpcError('POSITION_NOT_REACHED')],
  ])('go on to another replica on %s, and stay there', async (_what, error) => {
    fleet.appliers = [['http://a', 'http://b', 'http://c']];
    fleet.faults.read = ({ address }) => {
      if (address === 'http://a') throw error();
    };
    const acme = acmeOf();
    await acme.get(User, 'x');
    await acme.get(User, 'x');
    expect(fleet.reads.map(({ address }) => address)).toEqual(['http://a', 'http://b', 'http://b']);
  });

  it('wait for the first applier to announce itself', async () => {
    fleet.appliers = [[]];
    const read = acmeOf().get(User, 'x');
    while (fleet.topologyAsked.times < 2) await new Promise(setImmediate);
    fleet.appliers = [['http://late']];
    await read;
    expect(fleet.reads.map(({ address }) => address)).toEqual(['http://late']);
  });

  it('end with their budget', async () => {
    fleet.faults.read = failing(99, () => rpcError('POSITION_NOT_REACHED'));
    const error = await rejected(acmeOf().get(User, 'x', { timeoutMs: 100 }));
    expect(error.code).toBe('POSITION_NOT_REACHED');
    expect(fleet.reads.length).toBeGreaterThan(1);
  });

  it('end when their signal is aborted', async () => {
    const controller = new AbortController();
    fleet.faults.read = () => {
      controller.abort(new Error('enough'));
      throw rpcError('NOT_CAUGHT_UP');
    };
    const error = await rejected(acmeOf().get(User, 'x', { signal: controller.signal }));
    expect(error).toMatchObject({ code: 'CANCELED', cause: { message: 'enough' } });
  });

  it('know the verdict on a key', async () => {
    const acme = acmeOf();
    const { idempotencyKey, position } = await write(acme, 'a');
    expect(await acme.result(idempotencyKey)).toMatchObject({ kind: 'applied', position });
    expect(await acme.result('other')).toBeUndefined();
  });
});

describe('pages', () => {
  async function filled(count: number) {
    const acme = acmeOf();
    const emails = Array.from({ length: count }, (_, i) => `user-${i}`);
    await acme.batch(emails.map((email) => (plan) => plan.create(User, { email })));
    await acme.atomic((plan) => plan.create(Post, { title: 't', author: 'x' }));
    fleet.reads.length = 0;
    return { acme, emails };
  }
  const emailsIn = (nodes: readonly { readonly fields: { readonly email: string } }[]) =>
    nodes.map(({ fields }) => fields.email);

  it('are followed to the end, as they are needed', async () => {
    const { acme, emails } = await filled(25);
    const found: string[] = [];
    for await (const user of acme.query(User).pageSize(10)) found.push(user.fields.email);
    expect(found).toEqual(emails);
    expect(fleet.reads).toHaveLength(3);
    for await (const user of acme.query(User).pageSize(10)) {
      if (user.fields.email === emails[3]) break;
    }
    expect(fleet.reads).toHaveLength(4);
  });

  it('can be read one by one', async () => {
    const { acme, emails } = await filled(5);
    const query = acme.query(User).pageSize(3);
    const first = await query.page();
    const second = await query.page(first.next);
    expect([...emailsIn(first.items), ...emailsIn(second.items)]).toEqual(emails);
    expect([first.next, second.next]).toEqual(['3', undefined]);
    expect(first.position).toEqual(acme.position);
  });

  it('have a first item, all items, and a number', async () => {
    const { acme, emails } = await filled(5);
    const query = acme.query(User).pageSize(2);
    expect((await query.first())?.fields.email).toBe(emails[0]);
    expect(emailsIn(await query.all())).toEqual(emails);
    expect(await query.count()).toBe(5);
    expect((await rejected(query.all({ max: 4 }))).code).toBe('TOO_MANY_MATCHES');
    expect(await query.all({ max: 5 })).toHaveLength(5);
  });
});

describe('watching', () => {
  async function written(count: number) {
    const acme = acmeOf();
    const results = await acme.batch(
      Array.from({ length: count }, (_, i) => (plan) => plan.create(User, { email: `${i}` })),
    );
    return { acme, offsets: results.map((one) => (one.ok ? one.result.position.offset : -1)) };
  }

  it('tells every transaction once, in order, however the stream breaks', async () => {
    fleet.appliers = [['http://a', 'http://b']];
    const { acme, offsets } = await written(20);
    fleet.faults.watchBreaks = [0, 1, 0, 5, 2];
    const seen: number[] = [];
    for await (const { position, operations, transaction } of acme.watch()) {
      seen.push(position.offset);
      expect(operations).toHaveLength(transaction.operations.length);
      if (seen.length === 20) void acme.atomic((plan) => plan.create(User, { email: 'later' }));
      if (seen.length === 21) break;
    }
    expect(seen).toEqual([...offsets, 20]);
    expect(fleet.faults.watchBreaks).toEqual([]);
  });

  it('goes on after a position', async () => {
    const { acme } = await written(5);
    const seen: number[] = [];
    for await (const { position } of acme.watch({
      after: { topic: 'entdb-wal', partition: acme.position?.partition ?? 0, offset: 2, epoch: 1 },
    })) {
      seen.push(position.offset);
      if (seen.length === 2) break;
    }
    expect(seen).toEqual([3, 4]);
  });

  it('ends when its signal is aborted', async () => {
    const { acme } = await written(2);
    const controller = new AbortController();
    let seen = 0;
    for await (const _event of acme.watch({ signal: controller.signal })) {
      if (++seen === 2) controller.abort();
    }
    expect(seen).toBe(2);
  });

  it('throws what time does not heal', async () => {
    const { acme } = await written(1);
    fleet.faults.read = ({ method }) => {
      if (method === 'watch') throw rpcError('POSITION_EXPIRED');
    };
    expect((await rejected(acme.watch().next())).code).toBe('POSITION_EXPIRED');
  });
});

describe('tenants', () => {
  it('are made and listed over all shards', async () => {
    fleet.appliers = [['http://a'], ['http://b']];
    const client = connect();
    const ids = ['t0', 't1', 't2', 't3', 't4'];
    for (const id of ids) await client.tenants.create(id);
    expect([...(await client.tenants.list().all())].toSorted()).toEqual(ids);
  });

  it('have names of a certain form', () => {
    expect(caught(() => connect().tenant('no/slash')).code).toBe('INVALID_TENANT_ID');
  });
});
