import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRng } from '@entdb/base';
import { createDirectoryStore, createMemoryStore } from '@entdb/object-store';
import { createMemoryWal, type MemoryWal } from '@entdb/wal';
import type { World } from './harness.ts';

/** How the suites are run: in which world, and how often what is random. */
export interface Setting {
  readonly name: string;
  readonly world: () => Promise<World<MemoryWal>>;
  readonly runs: number;
  /** How many tenants are many. */
  readonly crowd: number;
}

const worldOf = (wal: MemoryWal, world: Omit<World, 'wal'>): World<MemoryWal> => ({
  wal,
  store: world.store,
  close: async () => {
    await wal.close();
    await world.close();
  },
});

export const inMemory: Setting = {
  name: 'in memory',
  runs: 40,
  crowd: 300,
  world: async () => {
    const store = createMemoryStore();
    return worldOf(createMemoryWal(), { store, close: () => store.close() });
  },
};

export const onDirectory: Setting = {
  name: 'on a directory',
  runs: 6,
  crowd: 60,
  world: async () => {
    const directory = await mkdtemp(join(tmpdir(), 'entdb-archiver-'));
    const store = createDirectoryStore({ directory, clock: realClock, rng: realRng });
    const close = async () => {
      await store.close();
      await rm(directory, { recursive: true });
    };
    return worldOf(createMemoryWal(), { store, close });
  },
};

/** Each world has a prefix of its own in one bucket. */
export function onStore(name: string, storeWith: (prefix: string) => World['store']): Setting {
  let count = 0;
  return {
    name,
    runs: 6,
    crowd: 60,
    world: async () => {
      const store = storeWith(`world-${(count += 1)}`);
      return worldOf(createMemoryWal(), { store, close: () => store.close() });
    },
  };
}
