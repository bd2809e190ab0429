import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { all, bytes, codeOf, keysOf, textOf } from '../conformance/fixture.ts';
import type { ObjectStore } from '../object-store.ts';
import { createDirectoryStore } from './directory-store.ts';

let dir: string;
let root: string;
let store: ObjectStore;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entdb-directory-'));
  root = join(dir, 'root');
  store = createDirectoryStore({ directory: root });
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true });
});

const staged = () => readdir(join(root, '.staging'));

it('an object is a plain file that nobody may write to, where its key says', async () => {
  await store.create('archive/acme/segment', bytes('bytes'));
  const path = join(root, 'archive/acme/segment');
  expect(await readFile(path, 'utf8')).toBe('bytes');
  expect((await stat(path)).mode & 0o777).toBe(0o444);
  expect(await staged()).toEqual([]);
});

it('a folder that is missing is not taken for an empty store', async () => {
  expect(await codeOf(store.read('x'))).toBe('OBJECT_STORE_DENIED');
  expect(await codeOf(store.stat('x'))).toBe('OBJECT_STORE_DENIED');
  expect(await codeOf(keysOf(store, ''))).toBe('OBJECT_STORE_DENIED');
  expect(await codeOf(all(store.folders('')))).toBe('OBJECT_STORE_DENIED');
  await store.probe();
  expect(await keysOf(store, '')).toEqual([]);
});

it('a root that is a file is an error, and stays a file', async () => {
  await writeFile(root, 'mine');
  expect(await codeOf(store.create('x', bytes('x')))).toBe('OBJECT_STORE_UNAVAILABLE');
  expect(await readFile(root, 'utf8')).toBe('mine');
});

it('one name is an object or a folder, never both', async () => {
  await store.create('a/b', bytes('x'));
  expect(await codeOf(store.create('a', bytes('x')))).toBe('INVALID_OBJECT_KEY');
  expect(await codeOf(store.create('a/b/c', bytes('x')))).toBe('INVALID_OBJECT_KEY');
  expect(await keysOf(store, '')).toEqual(['a/b']);
  expect(await staged()).toEqual([]);
});

describe('a symbolic link', () => {
  let outside: string;
  beforeEach(async () => {
    outside = join(dir, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'secret'), 'secret');
    await store.create('inside/object', bytes('x'));
    await symlink(outside, join(root, 'folder'));
    await symlink(join(outside, 'secret'), join(root, 'inside/file'));
    await symlink(join(outside, 'nothing'), join(root, 'inside/dangling'));
  });

  it.each(['folder/secret', 'folder/deep/new', 'inside/file', 'inside/dangling'])(
    '%s leads nowhere: nothing is read, written or removed through it',
    async (key) => {
      const safe = ['OBJECT_STORE_UNSAFE', 'OBJECT_NOT_FOUND'];
      expect(safe).toContain(await codeOf(store.read(key)));
      expect(await codeOf(store.create(key, bytes('x')))).toBe('OBJECT_STORE_UNSAFE');
      await codeOf(store.remove([key]));
      expect(await readdir(outside)).toEqual(['secret']);
      expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('secret');
    },
  );

  it('is an error in a listing, not passed over', async () => {
    expect(await codeOf(keysOf(store, 'inside/'))).toBe('OBJECT_STORE_UNSAFE');
    expect(await codeOf(keysOf(store, 'folder/'))).toBe('OBJECT_STORE_UNSAFE');
    expect(await codeOf(all(store.folders('')))).toBe('OBJECT_STORE_UNSAFE');
  });

  it('may be the root itself', async () => {
    await symlink(join(dir, 'elsewhere'), join(dir, 'link'));
    await mkdir(join(dir, 'elsewhere'));
    const linked = createDirectoryStore({ directory: join(dir, 'link') });
    await linked.create('a/b', bytes('x'));
    expect(await textOf(linked, 'a/b')).toBe('x');
    expect(await keysOf(linked, '')).toEqual(['a/b']);
  });
});

it('what a dead writer left is seen by nobody, and removed when it is old', async () => {
  await mkdir(join(root, '.staging'), { recursive: true });
  const [old, recent] = [join(root, '.staging/old'), join(root, '.staging/recent')];
  await writeFile(old, 'half');
  await writeFile(recent, 'half');
  const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
  await utimes(old, twoDaysAgo, twoDaysAgo);
  expect(await keysOf(store, '')).toEqual([]);
  await store.create('x', bytes('x'));
  expect(await staged()).toEqual(['recent']);
});

it('the last object of a folder takes the folder with it, and no other', async () => {
  for (const key of ['a/b/1', 'a/2', 'c/3']) await store.create(key, bytes('x'));
  await store.remove(['a/b/1', 'c/3']);
  expect((await readdir(root)).toSorted()).toEqual(['.staging', 'a']);
  expect(await readdir(join(root, 'a'))).toEqual(['2']);
});

it('an empty folder is no folder', async () => {
  await store.create('a/object', bytes('x'));
  await mkdir(join(root, 'b/c/d'), { recursive: true });
  expect(await all(store.folders(''))).toEqual(['a/']);
});

it('writers that are killed leave whole objects, each of one writer, and what was created stays', async () => {
  const fixture = join(__dirname, 'writer.fixture.ts');
  const told = new Map<string, string>();
  for (let round = 0; round < 4; round += 1) {
    const writers = ['a', 'b'].map((letter) => {
      const mark = `${letter}${round}`;
      const child = spawn(process.execPath, [fixture, root, mark], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const lines = createInterface({ input: child.stdout });
      const some = new Promise<void>((resolve) => {
        let heard = 0;
        lines.on('line', (key) => {
          expect(told.get(key)).toBeUndefined(); // two were told that they were first
          told.set(key, mark);
          heard += 1;
          if (heard === 15) resolve();
        });
      });
      return { child, some, closed: once(lines, 'close') };
    });
    // Behind the other one a writer may create nothing for a while: the first to have enough decides.
    await Promise.race(writers.map(({ some }) => some));
    for (const { child } of writers) child.kill('SIGKILL');
    await Promise.all(writers.map(({ closed }) => closed));
  }

  const keys = await keysOf(store, '');
  for (const key of keys) {
    const text = await textOf(store, key);
    const mark = text.slice(0, 2);
    expect(text === mark.repeat(50_000)).toBe(true);
    expect(told.get(key) ?? mark).toBe(mark); // what nobody was told may be there as well
  }
  expect([...told.keys()].filter((key) => !keys.includes(key))).toEqual([]);
  expect(told.size).toBeGreaterThan(50);
});
