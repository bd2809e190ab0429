import { realClock } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';

const lateMs = 100;

/** The places at which a snapshotter is killed, in the order of its work: a snapshot from a base in the store, then retention. */
export const steps = [
  'while the store is looked through',
  'before the base is fetched',
  'after the base was fetched',
  'in the middle of the replay',
  'while the copy is made',
  'before the first upload',
  'after canonical.db',
  'after mailbox.db',
  'while the upload is fetched again',
  'before the manifest',
  'after the manifest',
  'before the lease',
  'after the lease',
  'while the base of retention is tried out',
  'before the first removal',
  'after a removal',
  'before the lease is given back',
  'after the lease is given back',
] as const;
export type Step = (typeof steps)[number];

/** Of a thread that meets its end: at this step, when it comes to it for the n-th time. */
export interface Doom {
  readonly step: Step;
  readonly nth: number;
  /** Only at work for this tenant. */
  readonly tenantId?: string;
}

/** A store on the way to which a thread meets its end: `end` is called in front of, or right behind, the call that stands for the step. */
export function doomedStore(
  store: ObjectStore,
  { step, nth, tenantId }: Doom,
  end: () => void,
): ObjectStore {
  let times = 0;
  let segmentsAsked = 0;
  const reach = (here: Step, key: string): void => {
    if (tenantId !== undefined && key.split('/')[1] !== tenantId) return;
    if (here === step && (times += 1) >= nth) end();
  };
  /** What this thread has uploaded and not sealed yet: from then on a file that is read is its own. */
  const uploading = new Set<string>();
  /** A lease is held. */
  let retaining = false;
  let removals = 0;

  return {
    ...store,
    async *list(options) {
      if (options.prefix.startsWith('archive/'))
        reach('while the store is looked through', options.prefix);
      yield* store.list(options);
    },
    read: async (key, ...rest) => {
      if (!key.endsWith('.jsonl.gz')) return store.read(key, ...rest);
      // Segments are asked for ahead. The answer to a later one comes late, when those before it are applied and there is something to lose.
      segmentsAsked += 1;
      if (step === 'in the middle of the replay' && segmentsAsked > 1) {
        await realClock.sleep(lateMs);
        reach('in the middle of the replay', key);
      }
      return store.read(key, ...rest);
    },
    async *readStream(key, ...rest) {
      if (key.endsWith('.db')) {
        if (uploading.has(folderOf(key))) reach('while the upload is fetched again', key);
        else if (retaining) reach('while the base of retention is tried out', key);
        else reach('before the base is fetched', key);
      }
      yield* store.readStream(key, ...rest);
      if (key.endsWith('/mailbox.db') && !uploading.has(folderOf(key)) && !retaining)
        reach('after the base was fetched', key);
    },
    create: async (key, ...rest) => {
      const before = stepBefore(key);
      if (before) reach(before, key);
      const created = await store.create(key, ...rest);
      const after = stepAfter(key);
      if (after) reach(after, key);
      if (key.endsWith('.db')) uploading.add(folderOf(key));
      if (key.endsWith('/manifest.json')) uploading.delete(folderOf(key));
      if (key.startsWith('leases/')) {
        retaining = true;
        removals = 0;
      }
      return created;
    },
    // One after another, as the port allows: so it can die between two.
    remove: async (keys, ...rest) => {
      for (const key of keys) {
        const isLease = key.startsWith('leases/');
        if (isLease) reach('before the lease is given back', key);
        else if (retaining && (removals += 1) === 1) reach('before the first removal', key);
        await store.remove([key], ...rest);
        if (isLease) reach('after the lease is given back', key);
        else if (retaining) reach('after a removal', key);
        if (isLease) retaining = false;
      }
    },
  };
}

const folderOf = (key: string): string => key.slice(0, key.lastIndexOf('/'));

function stepBefore(key: string): Step | undefined {
  if (key.startsWith('leases/')) return 'before the lease';
  if (key.endsWith('/canonical.db')) return 'before the first upload';
  if (key.endsWith('/manifest.json')) return 'before the manifest';
  return undefined;
}

function stepAfter(key: string): Step | undefined {
  if (key.startsWith('leases/')) return 'after the lease';
  if (key.endsWith('/canonical.db')) return 'after canonical.db';
  if (key.endsWith('/mailbox.db')) return 'after mailbox.db';
  if (key.endsWith('/manifest.json')) return 'after the manifest';
  return undefined;
}
