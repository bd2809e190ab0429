import * as original from '@entdb/object-store';
import type { ObjectStore } from '@entdb/object-store';
import { reach } from './moment.ts';
import { hasExported, setExported } from './progress.ts';

export * from '@entdb/object-store';

export const createDirectoryStore: typeof original.createDirectoryStore = (options) =>
  watch(original.createDirectoryStore(options));
export const createS3Store: typeof original.createS3Store = (options) =>
  watch(original.createS3Store(options));

function watch(store: ObjectStore): ObjectStore {
  return {
    ...store,
    async create(key, ...rest) {
      reach(`before create ${kindOf(key)}`);
      const created = await store.create(key, ...rest);
      reach(`after create ${kindOf(key)}`);
      if (kindOf(key) === 'manifest') setExported(false);
      return created;
    },
    read(key, ...rest) {
      reach(`before read ${kindOf(key)}`);
      return store.read(key, ...rest);
    },
    readStream(key, ...rest) {
      reach(`before stream ${kindOf(key)}${hasExported() ? ' again' : ''}`);
      return store.readStream(key, ...rest);
    },
    folders(...args) {
      reach('before folders');
      return store.folders(...args);
    },
    async remove(keys, ...rest) {
      const kinds = [...new Set(keys.map(kindOf))].join(' ');
      reach(`before remove ${kinds}`);
      await store.remove(keys, ...rest);
      reach(`after remove ${kinds}`);
    },
  };
}

function kindOf(key: string): string {
  if (key.startsWith('leases/')) return 'lease';
  if (key.startsWith('probe/')) return 'probe';
  if (key.startsWith('erasures/')) return 'erasure';
  if (key.endsWith('.jsonl.gz')) return 'segment';
  if (key.endsWith('.checksum')) return 'checksum';
  if (key.endsWith('/canonical.db')) return 'canonical';
  if (key.endsWith('/mailbox.db')) return 'mailbox';
  if (key.endsWith('/manifest.json')) return 'manifest';
  return 'other';
}
