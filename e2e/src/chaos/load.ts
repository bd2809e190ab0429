/**
 * Writers that do not stop while services are killed. Each write has a key, and whatever comes of it goes into the ledger.
 * Many are meant to collide: two writers count on the same counters, take the same unique slug, send the same key at once.
 */
import { createClient, EntError, type Client, type NodeId, type Plan } from '@entdb/client';
import type { Seeded } from '../parts/seeded.ts';
import { answerOf, type Ledger } from './ledger.ts';
import { CountedBy, Counter, Item, schema } from './schema.ts';
import type { Wiretap } from './wiretap.ts';

type Node = typeof Counter | typeof Item;
type Edge = typeof CountedBy;
export type LoadClient = Client<Node, Edge>;
export type Writing = (plan: Plan<Node, Edge>) => void;

/** An item that was seen applied at a position, and what is in it. */
export interface Written {
  readonly tenantId: string;
  readonly id: NodeId<'Item'>;
  readonly slug: string;
  readonly amount: bigint;
  readonly position: NonNullable<ReturnType<LoadClient['tenant']>['position']>;
}

export interface LoadOptions {
  readonly endpoints: readonly string[];
  readonly tenants: readonly string[];
  readonly writersPerTenant: number;
  readonly rng: Seeded;
  readonly ledger: Ledger;
  readonly wiretap: Wiretap;
  /** Told of each item that was applied, and of each id that shall be deleted, before it is. */
  readonly onWritten?: (written: Written) => void;
  readonly onDelete?: (id: NodeId<'Item'>) => void;
}

export interface Load {
  /** Aborted when a writer met what must not be: there is no load any more. */
  readonly failed: AbortSignal;
  /** Lets every writer finish what it is at. Throws what a writer could not make sense of. */
  stop(): Promise<void>;
}

const countersPerTenant = 2;
/** Long enough for any fault here to heal. */
const patientMs = 120_000;
/** Of 100 writes so many have hardly any time: what became of them is not known. */
const hastyPercent = 12;
const hastyMs = [20, 400] as const;
const keptPerWriter = 50;

export async function startLoad(options: LoadOptions): Promise<Load> {
  const { endpoints, tenants, writersPerTenant, rng, ledger, wiretap } = options;
  const clients = endpoints.map((endpoint) =>
    createClient({ endpoint, schema, transport: wiretap.connect, timeoutMs: patientMs }),
  );
  const clientAt = (gateway: number): LoadClient => {
    const client = clients[gateway];
    if (!client) throw new Error(`there is no gateway ${gateway}`);
    return client;
  };
  let stopping = false;
  let keys = 0;
  const nextKey = (what: string) => `${what}-${(keys += 1)}`;

  interface Sending {
    readonly tenantId: string;
    readonly key: string;
    readonly plan: Writing;
    readonly gateway?: number;
    readonly wait?: 'applied' | 'durable';
    readonly hasty?: boolean;
  }

  /** One write, into the ledger whatever comes of it. The ids of what it created, where it is known to be applied. */
  async function send(sending: Sending) {
    const { tenantId, key, plan, gateway = rng.between(0, clients.length) } = sending;
    const { wait = rng.next() < 0.3 ? 'durable' : 'applied' } = sending;
    const hasty = sending.hasty ?? rng.between(0, 100) < hastyPercent;
    const timeoutMs = hasty ? rng.between(...hastyMs) : patientMs;
    const entry = { tenantId, key, gateway };
    const call = { idempotencyKey: key, timeoutMs };
    try {
      const tenant = clientAt(gateway).tenant(tenantId);
      if (wait === 'durable') {
        const { position } = await tenant.atomic(plan, { ...call, wait });
        ledger.write({ ...entry, answer: { kind: 'durable', position } });
        return undefined;
      }
      const { ids, position } = await tenant.atomic(plan, call);
      ledger.write({ ...entry, answer: { kind: 'verdict', rejected: false } });
      return { ids, position };
    } catch (error) {
      ledger.write({ ...entry, answer: answerOf(error) });
      return undefined;
    }
  }

  async function makeCounters(tenantId: string): Promise<readonly NodeId<'Counter'>[]> {
    const made = await send({
      tenantId,
      key: nextKey('counters'),
      wait: 'applied',
      hasty: false,
      plan: (plan) => {
        for (let i = 0; i < countersPerTenant; i += 1)
          plan.create(Counter, { name: `counter-${i}`, value: 0n });
      },
    });
    return (made?.ids ?? []).flatMap((id) => (id === undefined ? [] : [id]));
  }

  async function write(tenantId: string, counters: readonly NodeId<'Counter'>[], mine: Written[]) {
    const counter = rng.pick(counters);
    const choice = rng.between(0, 100);
    const item = (key: string) => ({
      slug: key,
      note: `note of ${key}`,
      amount: (BigInt(rng.between(0, 2 ** 31)) << 31n) + 9_007_199_254_740_993n,
    });

    if (choice < 40) {
      const key = nextKey('item');
      const fields = item(key);
      const made = await send({
        tenantId,
        key,
        plan: (plan) => {
          const node = plan.create(Item, fields);
          plan.link(CountedBy, node, counter);
        },
      });
      const id = made?.ids[0];
      if (!made || id === undefined) return;
      const written = { tenantId, id, ...fields, position: made.position };
      options.onWritten?.(written);
      mine.push(written);
      if (mine.length > keptPerWriter) mine.shift();
    } else if (choice < 70) {
      // Read, then write what was read plus one: of two that read the same, one is rejected.
      const client = clientAt(rng.between(0, clients.length)).tenant(tenantId);
      const seen = await client.get(Counter, counter, { timeoutMs: patientMs });
      if (!seen) throw new Error(`counter ${counter} of ${tenantId} is gone`);
      const key = nextKey('count');
      const fields = item(key);
      const byVersion = choice < 50;
      await send({
        tenantId,
        key,
        plan: (plan) => {
          if (byVersion) plan.expect(Counter, counter, {}, { version: seen.version });
          else plan.expect(Counter, counter, { value: seen.fields.value });
          plan.update(Counter, counter, { value: seen.fields.value + 1n });
          plan.create(Item, fields);
        },
      });
    } else if (choice < 78) {
      const victim = mine.shift();
      if (!victim) return;
      options.onDelete?.(victim.id);
      await send({
        tenantId,
        key: nextKey('delete'),
        plan: (plan) => plan.delete(Item, victim.id),
      });
    } else if (choice < 86) {
      // A slug that is taken, or was until a moment ago.
      const taken = mine.at(-1);
      if (!taken) return;
      const fields = { ...item('taken'), slug: taken.slug };
      await send({
        tenantId,
        key: nextKey('taken'),
        plan: (plan) => void plan.create(Item, fields),
      });
    } else if (choice < 93) {
      // The same slug through every gateway at once, under keys of their own: one wins.
      const slug = nextKey('race');
      const fields = clients.map(() => ({ ...item(slug), slug }));
      await Promise.all(
        fields.map((each, gateway) =>
          send({
            tenantId,
            key: nextKey('racer'),
            gateway,
            plan: (plan) => void plan.create(Item, each),
          }),
        ),
      );
    } else {
      // The same key with the same request through every gateway at once: one effect.
      const key = nextKey('same');
      const fields = item(key);
      await Promise.all(
        clients.map((_, gateway) =>
          send({ tenantId, key, gateway, plan: (plan) => void plan.create(Item, fields) }),
        ),
      );
    }
  }

  const writing: Promise<void>[] = [];
  const failed = new AbortController();
  const made = await Promise.all(
    tenants.map(async (tenantId) => ({ tenantId, counters: await makeCounters(tenantId) })),
  );
  for (const { tenantId, counters } of made) {
    for (let i = 0; i < writersPerTenant; i += 1) {
      writing.push(
        (async () => {
          const mine: Written[] = [];
          try {
            while (!stopping && !failed.signal.aborted) await write(tenantId, counters, mine);
          } catch (error) {
            failed.abort(error);
            throw error;
          }
        })(),
      );
    }
  }
  const ended = Promise.allSettled(writing);
  return {
    failed: failed.signal,
    stop: async () => {
      stopping = true;
      const outcomes = await ended;
      await Promise.all(clients.map((client) => client.close()));
      for (const outcome of outcomes)
        if (outcome.status === 'rejected')
          throw new EntError('INTERNAL', 'a writer met what must not be', {
            cause: outcome.reason,
          });
    },
  };
}
