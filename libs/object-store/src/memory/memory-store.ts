import { EntError, realClock, realRng, type Clock, type Rng } from '@entdb/base';
import type { Backend } from '../backend.ts';
import { wholeOf } from '../content.ts';
import { notFound } from '../faults.ts';
import { compareKeys } from '../object-key.ts';
import type { ObjectEntry, ObjectStore } from '../object-store.ts';
import { storeOver } from '../store-over.ts';

/** What an adapter is about to do. `key` is a prefix for `list` and `folders`. */
export interface ObjectOperation {
  readonly name: 'create' | 'open' | 'stat' | 'list' | 'folders' | 'remove';
  readonly key: string;
}

/** How an operation may go wrong: each a thing that a real store does. A fault that does not suit the operation changes nothing. */
export type ObjectFault =
  /** Nothing is done, and the caller is told to try again: a 503, a broken connection. */
  | { readonly kind: 'unavailable' }
  /** It is done, and the caller never hears of it. */
  | { readonly kind: 'answerLost' }
  /** It begins when the promise resolves. */
  | { readonly kind: 'delayed'; readonly until: Promise<void> }
  /** `create` overwrites what is there: If-None-Match is ignored. */
  | { readonly kind: 'unconditional' }
  /** `open` gives the first bytes and then no more. */
  | { readonly kind: 'cut'; readonly bytes: number }
  /** `open` gives one byte with one bit changed. */
  | { readonly kind: 'flipped'; readonly byte: number }
  /** `list` and `folders` do not know of some keys: a lost page, or a listing that is behind. */
  | { readonly kind: 'stale'; readonly hides: (key: string) => boolean };

export interface MemoryStoreOptions {
  readonly clock?: Clock;
  readonly rng?: Rng;
  /** Asked before each operation; asked again at each retry of the caller. */
  readonly faults?: (operation: ObjectOperation) => ObjectFault | undefined;
}

export interface MemoryStore extends ObjectStore {
  /** One more instance on the same objects, as another process would have. */
  another(options?: MemoryStoreOptions): MemoryStore;
  /** Replaces the bytes of an object behind everybody's back, or removes it: damage for tests. */
  tamper(key: string, change: (bytes: Uint8Array) => Uint8Array | undefined): void;
}

interface Stored {
  readonly bytes: Uint8Array;
  readonly modifiedMs: number;
}

/** Objects in memory, for tests and simulation: the whole contract, no timer, and with a given clock and rng every run is the same. */
export function createMemoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  return memoryStoreOn(new Map(), options);
}

function memoryStoreOn(objects: Map<string, Stored>, options: MemoryStoreOptions): MemoryStore {
  const { clock = realClock, rng = realRng, faults = () => undefined } = options;

  const begin = async (operation: ObjectOperation): Promise<ObjectFault | undefined> => {
    const fault = faults(operation);
    if (fault?.kind === 'delayed') await fault.until;
    if (fault?.kind === 'unavailable') throw planned(operation);
    return fault;
  };
  const end = (operation: ObjectOperation, fault: ObjectFault | undefined): void => {
    if (fault?.kind === 'answerLost') throw planned(operation);
  };

  const entries = (prefix: string, fault: ObjectFault | undefined): readonly ObjectEntry[] =>
    [...objects]
      .filter(([key]) => key.startsWith(prefix) && !(fault?.kind === 'stale' && fault.hides(key)))
      .map(([key, { bytes, modifiedMs }]) => ({ key, size: bytes.byteLength, modifiedMs }))
      .toSorted((a, b) => compareKeys(a.key, b.key));

  const backend: Backend = {
    kind: 'memory',
    create: async (key, content, signal) => {
      const operation = { name: 'create', key } as const;
      const fault = await begin(operation);
      const bytes = Uint8Array.from(await wholeOf(content, signal)); // a copy: the caller's may change
      signal.throwIfAborted();
      const exists = objects.has(key) && fault?.kind !== 'unconditional';
      if (!exists) objects.set(key, { bytes, modifiedMs: clock.now() });
      end(operation, fault);
      return exists ? 'exists' : 'created';
    },
    open: async (key, range) => {
      const operation = { name: 'open', key } as const;
      const fault = await begin(operation);
      const stored = objects.get(key)?.bytes;
      if (!stored) throw notFound(key);
      const bytes = range ? stored.subarray(range.offset, range.offset + range.length) : stored;
      end(operation, fault);
      return { size: bytes.byteLength, chunks: chunksOf(bytes, fault), close: async () => {} };
    },
    stat: async (key) => {
      const operation = { name: 'stat', key } as const;
      const fault = await begin(operation);
      const stored = objects.get(key);
      end(operation, fault);
      return stored && { size: stored.bytes.byteLength, modifiedMs: stored.modifiedMs };
    },
    async *list({ prefix, startAfter }) {
      const operation = { name: 'list', key: prefix } as const;
      const fault = await begin(operation);
      end(operation, fault);
      for (const entry of entries(prefix, fault))
        if (compareKeys(entry.key, startAfter) > 0) yield entry;
    },
    async *folders(prefix) {
      const operation = { name: 'folders', key: prefix } as const;
      const fault = await begin(operation);
      end(operation, fault);
      const below = entries(prefix, fault).map(({ key }) => key.slice(prefix.length));
      const names = below.flatMap((rest) => rest.split('/', 2).slice(0, -1));
      for (const name of new Set(names)) yield `${prefix}${name}/`;
    },
    remove: async (key) => {
      const operation = { name: 'remove', key } as const;
      const fault = await begin(operation);
      objects.delete(key);
      end(operation, fault);
    },
    close: async () => {},
  };

  return {
    ...storeOver(backend, { rng }),
    another: (others = options) => memoryStoreOn(objects, others),
    tamper: (key, change) => {
      const stored = objects.get(key);
      if (!stored) throw notFound(key);
      const bytes = change(Uint8Array.from(stored.bytes));
      if (bytes) objects.set(key, { ...stored, bytes });
      else objects.delete(key);
    },
  };
}

const chunkBytes = 64 * 1024;

async function* chunksOf(
  bytes: Uint8Array,
  fault: ObjectFault | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const given = Uint8Array.from(fault?.kind === 'cut' ? bytes.subarray(0, fault.bytes) : bytes);
  if (fault?.kind === 'flipped') given[fault.byte] = (given[fault.byte] ?? 0) ^ 1;
  for (let at = 0; at < given.length; at += chunkBytes) yield given.subarray(at, at + chunkBytes);
}

function planned({ name, key }: ObjectOperation): EntError {
  return new EntError('OBJECT_STORE_UNAVAILABLE', `${name} ${key} failed by a planned fault`);
}
