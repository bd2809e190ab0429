import { describeObjectStore } from '../conformance.ts';
import { createMemoryStore } from './memory-store.ts';

describeObjectStore('memory', async () => {
  const store = createMemoryStore();
  return { store, another: () => store.another(), cleanup: () => store.close() };
});
