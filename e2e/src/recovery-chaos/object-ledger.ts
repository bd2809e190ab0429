import { createHash } from 'node:crypto';
import type { ObjectStore } from '@entdb/object-store';

/**
 * Every object, as it was when it was first seen. Objects are written once: one that is found with other bytes, another age or not at all was
 * overwritten or removed by somebody. Leases come and go, and so do the probes of a start.
 */
export interface ObjectLedger {
  /** Looks at names, sizes and ages; reads what is new. */
  look(): Promise<void>;
  /** Reads everything again. */
  readAgain(): Promise<void>;
  readonly seen: number;
  readonly changed: readonly string[];
}

interface Seen {
  readonly size: number;
  readonly modifiedMs: number;
  readonly sha256: string;
}

const passing = ['leases/', 'probe/'];

export function createObjectLedger(store: ObjectStore): ObjectLedger {
  const objects = new Map<string, Seen>();
  const changed = new Set<string>();
  const hashOf = async (key: string) =>
    createHash('sha256')
      .update(await store.read(key))
      .digest('hex');
  const look = async (everyByte: boolean): Promise<void> => {
    const there = new Set<string>();
    for await (const { key, size, modifiedMs } of store.list({ prefix: '' })) {
      if (passing.some((prefix) => key.startsWith(prefix))) continue;
      there.add(key);
      const before = objects.get(key);
      const sha256 = before && !everyByte ? before.sha256 : await hashOf(key);
      if (!before) objects.set(key, { size, modifiedMs, sha256 });
      else if (before.size !== size || before.modifiedMs !== modifiedMs || before.sha256 !== sha256)
        changed.add(`${key} was overwritten`);
    }
    for (const key of objects.keys()) if (!there.has(key)) changed.add(`${key} was removed`);
  };
  return {
    look: () => look(false),
    readAgain: () => look(true),
    get seen() {
      return objects.size;
    },
    get changed() {
      return [...changed];
    },
  };
}
