import { all, bytes, codeOf, keysOf, textOf } from '../conformance/fixture.ts';
import { createMemoryStore, type ObjectFault, type ObjectOperation } from './memory-store.ts';

/** A store whose operations of one name meet the faults in turn, and then none. */
function storeWith(name: ObjectOperation['name'], ...faults: readonly ObjectFault[]) {
  const coming = faults.values();
  const store = createMemoryStore({
    faults: (operation) => (operation.name === name ? coming.next().value : undefined),
  });
  return store;
}

it('a store that is unavailable has done nothing', async () => {
  const store = storeWith('create', { kind: 'unavailable' }, { kind: 'unavailable' });
  for (const _ of [1, 2])
    expect(await codeOf(store.create('x', bytes('1')))).toBe('OBJECT_STORE_UNAVAILABLE');
  expect(await store.stat('x')).toBeUndefined();
  expect(await store.create('x', bytes('1'))).toBe('created');
});

it('an answer that is lost leaves the deed done', async () => {
  const store = storeWith('create', { kind: 'answerLost' });
  expect(await codeOf(store.create('x', bytes('mine')))).toBe('OBJECT_STORE_UNAVAILABLE');
  expect(await store.create('x', bytes('mine'))).toBe('exists');
  expect(await textOf(store, 'x')).toBe('mine');
});

it('a body that is cut is an error, in one piece or in many', async () => {
  const store = storeWith('open', { kind: 'cut', bytes: 3 }, { kind: 'cut', bytes: 3 });
  await store.create('x', bytes('0123456789'));
  expect(await codeOf(store.read('x'))).toBe('OBJECT_STORE_UNAVAILABLE');
  expect(await codeOf(all(store.readStream('x')))).toBe('OBJECT_STORE_UNAVAILABLE');
  expect(await textOf(store, 'x')).toBe('0123456789');
});

it('a flipped bit is given as it stands: only a checksum of the caller can tell', async () => {
  const store = storeWith('open', { kind: 'flipped', byte: 1 });
  await store.create('x', bytes('aaa'));
  expect(await textOf(store, 'x')).toBe('a`a');
  expect(await textOf(store, 'x')).toBe('aaa');
});

it('a listing may be behind', async () => {
  const store = storeWith('list', { kind: 'stale', hides: (key) => key > 'b' });
  for (const key of ['a', 'b', 'c']) await store.create(key, bytes('x'));
  expect(await keysOf(store, '')).toEqual(['a', 'b']);
  expect(await keysOf(store, '')).toEqual(['a', 'b', 'c']);
});

it('a store that ignores the condition is refused by the probe', async () => {
  const unconditional = { kind: 'unconditional' } as const;
  const store = storeWith('create', unconditional, unconditional);
  expect(await codeOf(store.probe())).toBe('OBJECT_STORE_UNSAFE');
  expect(await store.probe()).toEqual({ conditionalCreate: 'native' });
});

it('a store that does not list what it has just taken is refused by the probe', async () => {
  const store = storeWith('list', { kind: 'stale', hides: () => true });
  expect(await codeOf(store.probe())).toBe('OBJECT_STORE_UNSAFE');
});

it('an operation can be held', async () => {
  const { promise: until, resolve } = Promise.withResolvers<void>();
  const store = storeWith('create', { kind: 'delayed', until });
  const first = store.create('x', bytes('first'));
  expect(await store.create('x', bytes('second'))).toBe('created');
  resolve();
  expect(await first).toBe('exists');
});

it('damage in the store is what the next reader sees', async () => {
  const store = createMemoryStore();
  await store.create('x', bytes('whole'));
  store.tamper('x', (whole) => whole.subarray(0, 2));
  expect(await textOf(store.another(), 'x')).toBe('wh');
  store.tamper('x', () => undefined);
  expect(await codeOf(store.read('x'))).toBe('OBJECT_NOT_FOUND');
});
