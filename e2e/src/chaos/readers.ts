/**
 * Readers that know what must be there: items that were applied at a position, asked for with that position. An answer is right,
 * or it is an error that says why there is none; anything else is wrong.
 */
import { createClient, isEntError, type NodeId } from '@entdb/client';
import type { Seeded } from '../parts/seeded.ts';
import type { Written } from './load.ts';
import { Item, schema } from './schema.ts';

export interface Readers {
  written(item: Written): void;
  /** From now on it may be there or not. */
  deleting(id: NodeId<'Item'>): void;
  stop(): Promise<ReadCount>;
}

export interface ReadCount {
  /** Answers that contained what was written. */
  readonly right: number;
  /** Typed errors instead of an answer, by code. */
  readonly refused: ReadonlyMap<string, number>;
  readonly wrong: readonly string[];
}

const readersMax = 6;
/** Short, so that refusals are seen, too; the SDK tries again within it. */
const timeoutMs = 3_000;
const rememberedMax = 5_000;

export function startReaders(endpoint: string, rng: Seeded): Readers {
  const client = createClient({ endpoint, schema, timeoutMs });
  const items: Written[] = [];
  const deleted = new Set<string>();
  const refused = new Map<string, number>();
  const wrong: string[] = [];
  let right = 0;
  let stopping = false;
  let wake = Promise.withResolvers<void>();

  /** Deleted ones are read, too, and may be answered either way. What is wrong with the answer, or undefined. */
  async function read({
    tenantId,
    id,
    slug,
    amount,
    position,
  }: Written): Promise<string | undefined> {
    const tenant = client.tenant(tenantId);
    const consistency = rng.next() < 0.7 ? { atLeast: position } : 'session';
    const byId = rng.next() < 0.7;
    const node = byId
      ? await tenant.get(Item, id, { consistency })
      : await tenant.getByKey(Item, { slug }, { consistency });
    if (deleted.has(id)) return undefined;
    // By the slug another item may be found that took it after a deletion; there is none while this one lives.
    if (!node) return `${tenantId}: ${slug}, applied at ${position.offset}, is not there`;
    if (node.id !== id || node.fields.slug !== slug || node.fields.amount !== amount)
      return `${tenantId}: ${slug} of ${position.offset} is read as ${node.id} ${node.fields.slug}`;
    return undefined;
  }

  async function readOn(): Promise<void> {
    while (!stopping) {
      // Mostly news: what was written a moment ago is what may be missing.
      const recent = rng.next() < 0.5 ? items.length - 1 : rng.between(0, items.length);
      const item = items[recent];
      if (!item) {
        await wake.promise; // nothing is written yet
        continue;
      }
      try {
        const problem = await read(item);
        if (problem === undefined) right += 1;
        else wrong.push(problem);
      } catch (error) {
        if (!isEntError(error)) wrong.push(`an error that is not typed: ${String(error)}`);
        else if (!error.retriable) wrong.push(`${error.code}: ${error.message}`);
        else refused.set(error.code, (refused.get(error.code) ?? 0) + 1);
      }
    }
  }

  const reading = Array.from({ length: readersMax }, readOn);
  return {
    written: (item) => {
      items.push(item);
      if (items.length > rememberedMax) items.splice(0, rememberedMax / 2);
      wake.resolve();
      wake = Promise.withResolvers();
    },
    deleting: (id) => void deleted.add(id),
    stop: async () => {
      stopping = true;
      wake.resolve();
      await Promise.all(reading);
      await client.close();
      return { right, refused, wrong };
    },
  };
}
