import { all, bytes, codeOf, keysOf, textOf, type Fixture } from './fixture.ts';

const legal = [
  'plain',
  'with space',
  ' leading and trailing ',
  'percent%2Fencoded%00',
  'plus+and&and=and?and#',
  '"quoted" \'too\' <tag> `tick`',
  'colon:star*pipe|',
  '2026-11-23T10:00:00.000Z',
  'tilde~ dollar$ comma, semi; at@ (brackets) [square] {curly}',
  'ünïcödé/鍵/Ж',
  '🔑',
  'e\u0301 is not \u00E9',
  '\u00E9 is not e\u0301',
  'x'.repeat(255),
  `${'d/'.repeat(100)}deep`,
];

const illegal = [
  '',
  '/leading',
  'trailing/',
  'two//slashes',
  '..',
  '../up',
  'a/../b',
  'a/..',
  './a',
  '.hidden',
  'a/.staging/b',
  'back\\slash',
  'nul\0byte',
  'line\nbreak',
  'escape\x1b',
  'c1\u0085',
  'lone\ud800surrogate',
  'x'.repeat(256),
  `${'d/'.repeat(600)}deep`,
  'non\uffffcharacter',
];

export function describeNames({ store, newFolder }: Fixture): void {
  describe('names', () => {
    it('may be odd, and each is an object of its own', async () => {
      const folder = newFolder();
      for (const name of legal)
        expect([name, await store().create(`${folder}${name}`, bytes(name))]).toEqual([
          name,
          'created',
        ]);
      for (const name of legal) expect(await textOf(store(), `${folder}${name}`)).toBe(name);
      expect((await keysOf(store(), folder)).toSorted()).toEqual(
        legal.map((name) => `${folder}${name}`).toSorted(),
      );
      await store().remove(legal.map((name) => `${folder}${name}`));
      expect(await keysOf(store(), folder)).toEqual([]);
    });

    it.each(illegal)('is refused everywhere: %j', async (name) => {
      const calls = {
        create: store().create(name, bytes('x')),
        read: store().read(name),
        readStream: all(store().readStream(name)),
        stat: store().stat(name),
        remove: store().remove(['fine', name]),
      };
      for (const [call, outcome] of Object.entries(calls))
        expect([call, await codeOf(outcome)]).toEqual([call, 'INVALID_OBJECT_KEY']);
    });

    it.each(['/', '//', '../', 'a/../', 'a/..', '.', 'a//b', 'a\\', 'a\0'])(
      'is refused as a prefix: %j',
      async (prefix) => {
        expect(await codeOf(keysOf(store(), prefix))).toBe('INVALID_OBJECT_KEY');
        expect(await codeOf(all(store().folders(prefix)))).toBe('INVALID_OBJECT_KEY');
      },
    );

    it('is refused as a folder without its slash', async () => {
      expect(await codeOf(all(store().folders('archive')))).toBe('INVALID_OBJECT_KEY');
    });
  });
}
