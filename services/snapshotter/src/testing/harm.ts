import { EntError } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';

/** Any store, with means to hurt it. */
export interface Harmed {
  /** As the program sees it. */
  readonly store: ObjectStore;
  /** From now on these calls find the store away. */
  failing(fails: (name: 'create' | 'other', key: string) => boolean): void;
  /** Puts other bytes in the place of an object's. */
  tamper(key: string, change: (bytes: Uint8Array) => Uint8Array): Promise<void>;
}

export function harmed(inner: ObjectStore): Harmed {
  let fails: (name: 'create' | 'other', key: string) => boolean = () => false;
  const pass = (name: 'create' | 'other', key: string): void => {
    if (fails(name, key)) throw new EntError('OBJECT_STORE_UNAVAILABLE', 'planned');
  };
  const store: ObjectStore = {
    ...inner,
    create: async (key, ...rest) => {
      pass('create', key);
      return inner.create(key, ...rest);
    },
    read: async (key, ...rest) => {
      pass('other', key);
      return inner.read(key, ...rest);
    },
    async *list(options) {
      pass('other', options.prefix);
      yield* inner.list(options);
    },
    async *folders(prefix, ...rest) {
      pass('other', prefix);
      yield* inner.folders(prefix, ...rest);
    },
  };
  return {
    store,
    failing: (next) => void (fails = next),
    async tamper(key, change) {
      const bytes = await inner.read(key);
      await inner.remove([key]);
      await inner.create(key, change(bytes));
    },
  };
}
