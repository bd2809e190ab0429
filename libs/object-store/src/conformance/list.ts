import { all, bytes, inParallel, keysOf, type Fixture } from './fixture.ts';

export function describeList({ store, newFolder }: Fixture): void {
  const put = (folder: string, names: Iterable<string>) =>
    inParallel(names, 16, (name) => store().create(`${folder}${name}`, bytes(name)));

  describe('list', () => {
    it('gives thousands of keys in order, from any point on', async () => {
      const folder = newFolder();
      const names = Array.from(
        { length: 2_345 },
        (_, i) => `segment_${String(i * 7).padStart(20, '0')}`,
      );
      await put(folder, names.toReversed());
      const keys = names.map((name) => `${folder}${name}`);
      expect(await keysOf(store(), folder)).toEqual(keys);
      for (const from of [0, 998, 999, 1_000, 2_343, 2_344])
        expect(await keysOf(store(), folder, keys[from])).toEqual(keys.slice(from + 1));
      expect(await keysOf(store(), folder, `${keys[41]}!`)).toEqual(keys.slice(42));
      expect(await keysOf(store(), `${folder}segment_0000000000000001`)).toEqual(
        keys.filter((key) => key.includes('segment_0000000000000001')),
      );
      const [first] = await all(store().list({ prefix: keys[0]! }));
      expect(first).toMatchObject({ key: keys[0], size: names[0]!.length });
      expect(first?.modifiedMs).toBeGreaterThan(0);
    });

    it('is in the order of UTF-8 bytes, through folders', async () => {
      const folder = newFolder();
      // Names around "/" (2F), upper and lower case, and text whose UTF-16 order is another.
      const names = [
        'a',
        'a!',
        'a-b',
        'a.b',
        'a0',
        'b/1',
        'b/c/2',
        'b-c',
        'b0',
        'Z',
        '_',
        'ä',
        '\uFF5E',
        '😀',
        '\uE000',
      ];
      await put(folder, names);
      const expected = names
        .map((name) => `${folder}${name}`)
        .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await keysOf(store(), folder)).toEqual(expected);
      for (const [index, key] of expected.entries())
        expect(await keysOf(store(), folder, key)).toEqual(expected.slice(index + 1));
      // A point that is no key: within a folder, before it, after it.
      for (const point of ['b', 'b/', 'b/0', 'b/c', 'b/c/', 'b/z', 'b1'])
        expect([point, await keysOf(store(), folder, `${folder}${point}`)]).toEqual([
          point,
          expected.filter(
            (key) => Buffer.compare(Buffer.from(key), Buffer.from(`${folder}${point}`)) > 0,
          ),
        ]);
      expect(await keysOf(store(), `${folder}b`)).toEqual(
        expected.filter((key) => key.startsWith(`${folder}b`)),
      );
      expect(await keysOf(store(), `${folder}b/`)).toEqual([`${folder}b/1`, `${folder}b/c/2`]);
    });

    it('is empty where nothing is', async () => {
      const folder = newFolder();
      expect(await keysOf(store(), folder)).toEqual([]);
      expect(await keysOf(store(), `${folder}x/y`)).toEqual([]);
      expect(await all(store().folders(folder))).toEqual([]);
    });

    it('can be left, and gives only what is asked for', async () => {
      const folder = newFolder();
      await put(folder, ['1', '2', '3']);
      for await (const { key } of store().list({ prefix: folder })) {
        expect(key).toBe(`${folder}1`);
        break;
      }
    });
  });

  describe('folders', () => {
    it('gives each folder right below once, without objects and without what is deeper', async () => {
      const folder = newFolder();
      await put(folder, [
        'object',
        'acme/1',
        'acme/2',
        'acme/deep/3',
        'acme-2/x',
        'Ünïcode/x',
        'a b/x',
      ]);
      const seen = await all(store().folders(folder));
      expect(seen).toEqual(
        ['a b/', 'acme-2/', 'acme/', 'Ünïcode/'].map((name) => `${folder}${name}`),
      );
      expect(await all(store().folders(`${folder}acme/`))).toEqual([`${folder}acme/deep/`]);
      expect(await all(store().folders(''))).toContain(folder);
    });

    it('gives more than a page of them', async () => {
      const folder = newFolder();
      const names = Array.from({ length: 1_100 }, (_, i) => `tenant-${String(i).padStart(4, '0')}`);
      await put(
        folder,
        names.map((name) => `${name}/x`),
      );
      expect(await all(store().folders(folder))).toEqual(names.map((name) => `${folder}${name}/`));
    });

    it('forgets a folder with its last object', async () => {
      const folder = newFolder();
      await put(folder, ['a/b/1', 'c/2']);
      await store().remove([`${folder}a/b/1`]);
      expect(await all(store().folders(folder))).toEqual([`${folder}c/`]);
      expect(await store().create(`${folder}a/b/1`, bytes('again'))).toBe('created');
    });
  });
}
