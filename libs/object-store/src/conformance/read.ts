import { all, bytes, codeOf, textOf, type Fixture } from './fixture.ts';

export function describeRead({ store, another, newFolder }: Fixture): void {
  describe('read', () => {
    it('gives exactly the bytes of a range, or says that they are not there', async () => {
      const key = `${newFolder()}digits`;
      await store().create(key, bytes('0123456789'));
      const part = async (offset: number, length: number) =>
        Buffer.from(await store().read(key, { range: { offset, length } })).toString();
      expect(await part(0, 1)).toBe('0');
      expect(await part(3, 4)).toBe('3456');
      expect(await part(9, 1)).toBe('9');
      expect(await part(0, 10)).toBe('0123456789');
      for (const [offset, length] of [
        [9, 2],
        [10, 1],
        [99, 1],
        [0, 0],
        [-1, 2],
        [0.5, 1],
      ] as const)
        expect([offset, length, await codeOf(part(offset, length))]).toEqual([
          offset,
          length,
          'INVALID_ARGUMENT',
        ]);
    });

    it('refuses to hold more in memory than was agreed', async () => {
      const key = `${newFolder()}ten`;
      await store().create(key, bytes('0123456789'));
      expect(await codeOf(store().read(key, { bytesMax: 9 }))).toBe('INVALID_ARGUMENT');
      expect(await store().read(key, { bytesMax: 10 })).toHaveLength(10);
    });

    it('says what is not there', async () => {
      const folder = newFolder();
      await store().create(`${folder}deep/object`, bytes('x'));
      for (const key of [`${folder}absent`, `${folder}no/such/folder`, `${folder}deep`]) {
        expect([key, await codeOf(store().read(key))]).toEqual([key, 'OBJECT_NOT_FOUND']);
        expect([key, await codeOf(all(store().readStream(key)))]).toEqual([
          key,
          'OBJECT_NOT_FOUND',
        ]);
        expect([key, await store().stat(key)]).toEqual([key, undefined]);
      }
    });

    it('sees at once what another instance wrote', async () => {
      const [key, other] = [`${newFolder()}shared`, another()];
      const before = Date.now();
      await other.create(key, bytes('from the other'));
      expect(await textOf(store(), key)).toBe('from the other');
      const facts = await store().stat(key);
      expect(facts?.size).toBe(14);
      expect(Math.abs((facts?.modifiedMs ?? 0) - before)).toBeLessThan(60_000);
      await other.close();
    });

    it('can be left in the middle, as often as one likes', async () => {
      const key = `${newFolder()}left`;
      await store().create(key, Buffer.alloc(3 * 1024 * 1024, 1));
      // More often than a client has sockets: a body that is not given back would starve the last ones.
      for (let round = 0; round < 250; round += 1) {
        for await (const chunk of store().readStream(key)) {
          expect(chunk[0]).toBe(1);
          break;
        }
      }
      expect(await store().read(key)).toHaveLength(3 * 1024 * 1024);
    });
  });
}
