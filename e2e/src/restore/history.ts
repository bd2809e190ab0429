import { defineSchema, field, nodeType, type Client, type Plan } from '@entdb/client';
import type { Seeded } from '../parts/seeded.ts';

export const Item = nodeType('Item', 1, {
  name: field.str(1, { required: true, unique: true }),
  size: field.int(2, { indexed: true }),
});
export const schema = defineSchema({ nodes: [Item], edges: [] });
export type ItemClient = Client<typeof Item, never>;
type Planner = (plan: Plan<typeof Item, never>) => void;

/** One transaction, and what the tenant must hold after it. */
export interface Step {
  readonly key: string;
  readonly planner: Planner;
  readonly verdict: 'applied' | 'rejected';
  /** `id name size`, sorted. */
  readonly rows: readonly string[];
}

interface Known {
  readonly name: string;
  readonly size: number;
}

/** A history with its own account of what it makes: creates, updates, deletes, names that are taken (rejected as a whole), and keys sent a second time. */
export function makeHistory(count: number, random: Seeded): readonly Step[] {
  const items = new Map<string, Known>();
  const steps: Step[] = [];
  const rowsNow = () =>
    [...items].map(([id, { name, size }]) => `${id} ${name} ${size}`).toSorted();
  for (let n = 0; n < count; n += 1) {
    const ids = [...items.keys()];
    const chance = ids.length < 3 ? 0 : random.between(0, 10);
    if (chance === 9) {
      const { key, planner, verdict } = random.pick(steps);
      steps.push({ key, planner, verdict, rows: rowsNow() });
      continue;
    }
    const key = `key-${n}`;
    if (chance === 8) {
      const { name } = items.get(random.pick(ids))!;
      const planner: Planner = (plan) => {
        plan.create(Item, { name: `of no effect ${n}`, size: n }, { id: `none-${n}` });
        plan.create(Item, { name, size: n }, { id: `taken-${n}` });
      };
      steps.push({ key, planner, verdict: 'rejected', rows: rowsNow() });
      continue;
    }
    const id = chance < 4 ? `item-${n}` : random.pick(ids);
    if (chance < 4) items.set(id, { name: `name ${n}`, size: n });
    else if (chance < 6) items.set(id, { ...items.get(id)!, size: n });
    else items.delete(id);
    const planner: Planner = (plan) => {
      if (chance < 4) plan.create(Item, { name: `name ${n}`, size: n }, { id });
      else if (chance < 6) plan.update(Item, id, { size: n });
      else plan.delete(Item, id);
    };
    steps.push({ key, planner, verdict: 'applied', rows: rowsNow() });
  }
  return steps;
}
