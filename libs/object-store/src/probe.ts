import { EntError, isEntError, type Rng } from '@entdb/base';
import type { CallOptions, ObjectStore, ProbeResult } from './object-store.ts';

export interface ProbeOptions extends CallOptions {
  readonly rng: Rng;
  readonly emulateCreate: (() => void) | undefined;
}

/** What `ObjectStore.probe` does, by the port alone: whatever passes here is what the callers will meet. */
export async function probe(store: ObjectStore, options: ProbeOptions): Promise<ProbeResult> {
  if (await keepsTheFirst(store, options)) return { conditionalCreate: 'native' };
  options.emulateCreate?.();
  if (options.emulateCreate && (await keepsTheFirst(store, options)))
    return { conditionalCreate: 'emulated' };
  throw new EntError(
    'OBJECT_STORE_UNSAFE',
    'the object store overwrites an object although it was asked not to (If-None-Match is ignored)',
    {
      hint: 'use a store that honours conditional writes; with a single writer, ENTDB_S3_ALLOW_NO_CONDITIONAL_CREATE=true looks first and reads back instead',
    },
  );
}

/** Whether the second of two writers changes nothing. */
async function keepsTheFirst(store: ObjectStore, { rng, signal }: ProbeOptions): Promise<boolean> {
  const call = signal ? { signal } : {};
  const prefix = `probe/${Buffer.from(rng.bytes(16)).toString('hex')}/`;
  const key = `${prefix}object`;
  const [first, second] = [Buffer.from('first'), Buffer.from('second')];

  const written = await create(store, key, first, call);
  if (written === 'exists') throw unsafe(`says that ${key} exists, which nobody wrote`);
  if (written === 'refused') return false;
  try {
    const again = await create(store, key, second, call);
    const stored = Buffer.from(await store.read(key, call));
    if (again !== 'exists' || stored.equals(second)) return false;
    if (!stored.equals(first)) throw unsafe(`gave other bytes for ${key} than were written`);

    const listed: string[] = [];
    for await (const entry of store.list({ prefix, ...call })) listed.push(entry.key);
    if (listed.join() !== key) throw unsafe(`does not list ${key} right after it was written`);
    return true;
  } finally {
    await store.remove([key], call);
  }
}

/** A server may also say that it does not know the condition: `refused`. */
async function create(store: ObjectStore, key: string, body: Uint8Array, call: CallOptions) {
  try {
    return await store.create(key, body, call);
  } catch (error) {
    if (isEntError(error, 'OBJECT_STORE_UNSAFE')) return 'refused';
    throw error;
  }
}

function unsafe(what: string): EntError {
  return new EntError('OBJECT_STORE_UNSAFE', `the object store ${what}`, {
    hint: 'use a store that reads and lists what was written at once',
  });
}
