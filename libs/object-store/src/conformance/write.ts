import { createHash, hash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { bytes, codeOf, textOf, type Fixture } from './fixture.ts';

const mebibyte = 1024 * 1024;

/** Bytes that look like noise and are the same every time; no two pieces alike. */
function noise(size: number): Buffer {
  const block = 32;
  const made = Buffer.alloc(size);
  for (let at = 0; at < size; at += block) hash('sha256', String(at), 'buffer').copy(made, at);
  return made;
}

export function describeWrite({ store, another, newFolder, newFile }: Fixture): void {
  describe('create', () => {
    it('writes an object once, and leaves it alone ever after', async () => {
      const key = `${newFolder()}object`;
      expect(await store().create(key, bytes('first'))).toBe('created');
      expect(await store().create(key, bytes('second'))).toBe('exists');
      expect(await store().create(key, bytes('first'))).toBe('exists');
      expect(await textOf(store(), key)).toBe('first');
    });

    it('lets exactly one of 20 writers at once win, whole, in every round', async () => {
      const other = another();
      for (let round = 0; round < 5; round += 1) {
        const key = `${newFolder()}contended`;
        const bodies = Array.from({ length: 20 }, (_, i) => `${i}-`.repeat(1_000 + i));
        const answers = await Promise.all(
          bodies.map((body, i) => (i % 2 === 0 ? store() : other).create(key, bytes(body))),
        );
        expect(answers.filter((answer) => answer === 'created')).toHaveLength(1);
        expect(await textOf(store(), key)).toBe(bodies[answers.indexOf('created')]);
      }
      await other.close();
    });

    it('keeps any bytes, and none at all', async () => {
      const folder = newFolder();
      const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      await store().create(`${folder}every`, every.subarray(3, 250));
      expect([...(await store().read(`${folder}every`))]).toEqual([...every.subarray(3, 250)]);
      expect(await store().create(`${folder}empty`, new Uint8Array(0))).toBe('created');
      expect(await store().read(`${folder}empty`)).toHaveLength(0);
      expect(await store().stat(`${folder}empty`)).toMatchObject({ size: 0 });
      expect(await store().create(`${folder}empty`, bytes('more'))).toBe('exists');
    });

    it('does not change with the memory that it was given', async () => {
      const key = `${newFolder()}copied`;
      const mine = Buffer.from('as it was');
      await store().create(key, mine);
      mine.fill('x');
      expect(await textOf(store(), key)).toBe('as it was');
    });

    it('stores nothing that is not what its SHA-256 says', async () => {
      const folder = newFolder();
      const sha256 = hash('sha256', 'what was meant', 'hex');
      const damaged = store().create(`${folder}damaged`, bytes('what was sent'), { sha256 });
      expect(await codeOf(damaged)).toBe('OBJECT_CORRUPT');
      expect(await store().stat(`${folder}damaged`)).toBeUndefined();
      const whole = store().create(`${folder}whole`, bytes('what was meant'), { sha256 });
      expect(await whole).toBe('created');
      const shouted = { sha256: sha256.toUpperCase() };
      expect(await codeOf(store().create(`${folder}x`, bytes('x'), shouted))).toBe(
        'INVALID_ARGUMENT',
      );
    });

    it('sends a file of 20 MiB and gives it back in pieces', async () => {
      const [key, path] = [`${newFolder()}large`, newFile()];
      const body = noise(20 * mebibyte + 7);
      const sha256 = hash('sha256', body, 'hex');
      await writeFile(path, body);
      const file = { path, size: body.length };
      expect(await store().create(key, file, { sha256 })).toBe('created');
      expect(await store().create(key, file, { sha256 })).toBe('exists');
      expect(await store().stat(key)).toMatchObject({ size: body.length });

      const hasher = createHash('sha256');
      let largest = 0;
      for await (const chunk of store().readStream(key)) {
        largest = Math.max(largest, chunk.byteLength);
        hasher.update(chunk);
      }
      expect(hasher.digest('hex')).toBe(sha256);
      expect(largest).toBeLessThanOrEqual(mebibyte);

      const range = { offset: 17 * mebibyte + 3, length: 1_000 };
      expect(
        Buffer.compare(
          await store().read(key, { range }),
          body.subarray(range.offset, range.offset + 1_000),
        ),
      ).toBe(0);
    });

    it('lets one of several writers of a large file win', async () => {
      const key = `${newFolder()}large-contended`;
      const files = await Promise.all(
        [1, 2, 3].map(async (seed) => {
          const path = newFile();
          await writeFile(path, Buffer.alloc(17 * mebibyte, seed));
          return { path, size: 17 * mebibyte };
        }),
      );
      const answers = await Promise.all(files.map((file) => store().create(key, file)));
      expect(answers.toSorted()).toEqual(['created', 'exists', 'exists']);
      const [first] = await store().read(key, { range: { offset: 5 * mebibyte, length: 1 } });
      const [last] = await store().read(key, { range: { offset: 17 * mebibyte - 1, length: 1 } });
      expect([first, last]).toEqual(Array(2).fill(answers.indexOf('created') + 1));
    });

    it('stores nothing of a file that is not what was announced', async () => {
      const [folder, small, large] = [newFolder(), newFile(), newFile()];
      await writeFile(small, 'twelve bytes');
      await writeFile(large, Buffer.alloc(18 * mebibyte, 1));
      const size = 18 * mebibyte;
      const sha256 = hash('sha256', 'other bytes', 'hex');
      const tries: readonly [string, Promise<unknown>][] = [
        ['shorter', store().create(`${folder}shorter`, { path: small, size: 11 })],
        ['longer', store().create(`${folder}longer`, { path: small, size: 13 })],
        ['other', store().create(`${folder}other`, { path: small, size: 12 }, { sha256 })],
        ['large', store().create(`${folder}large`, { path: large, size }, { sha256 })],
      ];
      for (const [name, outcome] of tries) {
        expect([name, await codeOf(outcome)]).toEqual([name, 'OBJECT_CORRUPT']);
        expect([name, await store().stat(`${folder}${name}`)]).toEqual([name, undefined]);
      }
      expect(await store().create(`${folder}right`, { path: small, size: 12 })).toBe('created');
    });
  });
}
