/** A map that forgets what was not used for longest. */
export interface Lru<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  delete(key: K): void;
}

export function createLru<K, V>(entriesMax: number): Lru<K, V> {
  const entries = new Map<K, V>(); // in the order of last use
  /** Most look-ups are for what was looked up just before: it has its place already. */
  let newest: { readonly key: K; readonly value: V } | undefined;
  const use = (key: K, value: V) => {
    entries.delete(key);
    entries.set(key, value);
    newest = { key, value };
  };
  return {
    get: (key) => {
      if (newest?.key === key) return newest.value;
      const value = entries.get(key);
      if (value !== undefined) use(key, value);
      return value;
    },
    set: (key, value) => {
      use(key, value);
      const oldest = entries.keys().next();
      if (entries.size <= entriesMax || oldest.done === true) return;
      entries.delete(oldest.value);
      if (newest?.key === oldest.value) newest = undefined; // where there is room for none
    },
    delete: (key) => {
      entries.delete(key);
      if (newest?.key === key) newest = undefined;
    },
  };
}
