import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createDirectoryStore,
  createMemoryStore,
  createS3Store,
  type MemoryStore,
  type MemoryStoreOptions,
  type ObjectFault,
  type ObjectStore,
} from '@entdb/object-store';

/** A store for a suite that runs on every kind of store: with damage at rest, and the faults of reading. */
export interface TestStore extends ObjectStore {
  another(options: Pick<MemoryStoreOptions, 'faults'>): TestStore;
  /** Replaces the bytes of an object behind everybody's back, or removes it. */
  tamper(key: string, change: (bytes: Uint8Array) => Uint8Array | undefined): Promise<void>;
}

type Faults = NonNullable<MemoryStoreOptions['faults']>;

/** What `testStore` makes: memory, unless a suite has been turned to another kind for as long as it runs. */
let makeInner: () => ObjectStore = createMemoryStore;

export function testStore({ faults }: { readonly faults?: Faults } = {}): TestStore {
  return storeWith(makeInner, faults);
}

/** Runs the suite's tests on a kind of store: to be called where the specs are required. */
export function storesFrom(make: () => ObjectStore): void {
  makeInner = make;
}

/** Stores that have nothing to do with each other. */
export interface Stores {
  readonly make: () => ObjectStore;
  readonly close: () => Promise<void>;
}

/** A folder for each, which all go away together. */
export function directoryStores(): Stores {
  const root = mkdtempSync(join(tmpdir(), 'entdb-snapshot-objects-'));
  let made = 0;
  return {
    make: () => createDirectoryStore({ directory: join(root, String(made++)) }),
    close: async () => rmSync(root, { recursive: true, force: true }),
  };
}

export interface S3Place {
  readonly bucket: string;
  readonly prefix: string;
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** The server may be started after the stores were made: they look for it when they are first used. */
export function s3Stores(place: () => S3Place): Stores {
  const opened: ObjectStore[] = [];
  let made = 0;
  return {
    make() {
      const own = `store-${made++}`;
      let store: ObjectStore | undefined;
      return lazily('s3', () => {
        if (store) return store;
        const { prefix, ...server } = place();
        store = createS3Store({ ...server, prefix: `${prefix}/${own}` });
        opened.push(store);
        return store;
      });
    },
    close: async () => void (await Promise.all(opened.map((store) => store.close()))),
  };
}

function lazily(kind: string, open: () => ObjectStore): ObjectStore {
  return {
    kind,
    create: (...args) => open().create(...args),
    read: (...args) => open().read(...args),
    readStream: (...args) => open().readStream(...args),
    stat: (...args) => open().stat(...args),
    list: (...args) => open().list(...args),
    folders: (...args) => open().folders(...args),
    remove: (...args) => open().remove(...args),
    probe: (...args) => open().probe(...args),
    close: () => open().close(),
  };
}

function storeWith(make: () => ObjectStore, faults: Faults = () => undefined): TestStore {
  const inner = make();
  return withFaults(inner, faults);
}

function withFaults(inner: ObjectStore, faults: Faults): TestStore {
  return {
    ...lazily(inner.kind, () => inner),
    async read(key, options) {
      const fault = faults({ name: 'open', key });
      const bytes = await inner.read(key, options);
      return fault ? harmed(bytes, fault) : bytes;
    },
    async *readStream(key, options) {
      const fault = faults({ name: 'open', key });
      if (fault) yield harmed(await inner.read(key, options), fault);
      else yield* inner.readStream(key, options);
    },
    another: (options) => withFaults(inner, options.faults ?? (() => undefined)),
    async tamper(key, change) {
      if ('tamper' in inner) return (inner as MemoryStore).tamper(key, change);
      const changed = change(await inner.read(key));
      await inner.remove([key]);
      if (changed) await inner.create(key, changed);
    },
  };
}

function harmed(bytes: Uint8Array, fault: ObjectFault): Uint8Array {
  if (fault.kind !== 'flipped') throw new Error(`a fault that no suite has: ${fault.kind}`);
  const copy = Uint8Array.from(bytes);
  copy[fault.byte] = copy[fault.byte]! ^ 1;
  return copy;
}
