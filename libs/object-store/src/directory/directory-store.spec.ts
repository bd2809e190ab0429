import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeObjectStore } from '../conformance.ts';
import { createDirectoryStore } from './directory-store.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entdb-directory-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true });
});

describeObjectStore('directory', async () => {
  const another = () => createDirectoryStore({ directory: join(dir, 'made', 'by', 'the-store') });
  const store = another();
  await store.probe();
  return { store, another, cleanup: () => store.close() };
});
