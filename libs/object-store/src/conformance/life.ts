import { writeFile } from 'node:fs/promises';
import { all, bytes, codeOf, keysOf, textOf, type Fixture } from './fixture.ts';

export function describeLife({ store, another, newFolder, newFile }: Fixture): void {
  describe('remove', () => {
    it('removes many, twice, and nothing else', async () => {
      const folder = newFolder();
      const keys = Array.from({ length: 40 }, (_, i) => `${folder}${i % 3}/${i}`);
      await Promise.all(keys.map((key) => store().create(key, bytes(key))));
      await store().create(`${folder}kept`, bytes('kept'));
      await Promise.all([store().remove(keys), store().remove(keys)]);
      await store().remove([...keys, `${folder}never/there`, `${folder}0`]);
      await store().remove([]);
      expect(await keysOf(store(), folder)).toEqual([`${folder}kept`]);
      expect(await textOf(store(), `${folder}kept`)).toBe('kept');
    });

    it('gives way to a writer at every moment', async () => {
      const folder = newFolder();
      // A folder that empties while another object comes into it.
      for (let round = 0; round < 30; round += 1) {
        const [old, next] = [`${folder}f/g/${round}`, `${folder}f/g/${round + 1}`];
        await store().create(old, bytes('x'));
        await Promise.all([store().remove([old]), store().create(next, bytes('y'))]);
        expect(await textOf(store(), next)).toBe('y');
        await store().remove([next]);
      }
    });
  });

  describe('probe', () => {
    it('finds the store fit, and leaves nothing behind', async () => {
      expect(await store().probe()).toEqual({ conditionalCreate: 'native' });
      expect(await keysOf(store(), 'probe/')).toEqual([]);
    });
  });

  describe('an abort', () => {
    it('is heard before anything is done, with its reason', async () => {
      const key = `${newFolder()}aborted`;
      const reason = new Error('enough');
      const call = { signal: AbortSignal.abort(reason) };
      await expect(store().create(key, bytes('x'), call)).rejects.toBe(reason);
      await expect(store().read(key, call)).rejects.toBe(reason);
      await expect(store().stat(key, call)).rejects.toBe(reason);
      await expect(store().remove([key], call)).rejects.toBe(reason);
      await expect(all(store().readStream(key, call))).rejects.toBe(reason);
      await expect(all(store().list({ prefix: key, ...call }))).rejects.toBe(reason);
      await expect(all(store().folders('', call))).rejects.toBe(reason);
      await expect(store().probe(call)).rejects.toBe(reason);
      expect(await store().stat(key)).toBeUndefined();
    });

    it('ends a stream and a listing under way', async () => {
      const folder = newFolder();
      await store().create(`${folder}1`, Buffer.alloc(8 * 1024 * 1024));
      await store().create(`${folder}2`, bytes('x'));
      const reason = new Error('enough');
      for (const under of [
        (signal: AbortSignal) => store().readStream(`${folder}1`, { signal }),
        (signal: AbortSignal) => store().list({ prefix: folder, signal }),
      ]) {
        const abort = new AbortController();
        const run = async () => {
          for await (const item of under(abort.signal)) if (item) abort.abort(reason);
        };
        await expect(run()).rejects.toBe(reason);
      }
    });

    it('leaves nothing of a large write', async () => {
      const [key, path] = [`${newFolder()}large`, newFile()];
      const size = 40 * 1024 * 1024;
      await writeFile(path, Buffer.alloc(size, 1));
      const abort = new AbortController();
      const reason = new Error('enough');
      const writing = store().create(key, { path, size }, { signal: abort.signal });
      setImmediate(() => abort.abort(reason));
      await expect(writing).rejects.toBe(reason);
      expect(await store().stat(key)).toBeUndefined();
    });
  });

  describe('close', () => {
    it('ends one instance and no other', async () => {
      const key = `${newFolder()}object`;
      await store().create(key, bytes('x'));
      const closed = another();
      expect(await textOf(closed, key)).toBe('x');
      await closed.close();
      await closed.close();
      expect(await codeOf(closed.read(key))).toBe('SHUTTING_DOWN');
      expect(await codeOf(closed.create(`${key}2`, bytes('x')))).toBe('SHUTTING_DOWN');
      expect(await codeOf(all(closed.list({ prefix: '' })))).toBe('SHUTTING_DOWN');
      expect(await codeOf(closed.probe())).toBe('SHUTTING_DOWN');
      expect(await textOf(store(), key)).toBe('x');
    });
  });
}
