import fc from 'fast-check';
import { isAbsolute, join, relative, sep } from 'node:path';
import { compareKeys, parseKeyPrefix, parseObjectKey } from './object-key.ts';

const accepted = (text: string): boolean => {
  try {
    parseObjectKey(text);
    return true;
  } catch {
    return false;
  }
};

/** Text that is often nearly a key. */
const nearKeys = fc
  .array(
    fc.oneof(
      fc.constantFrom('..', '.', '', '/', '\\', '\0', 'a', 'b', ' ', '😀', '\uFFFD'),
      fc.string({ unit: 'binary' }),
    ),
  )
  .chain((parts) => fc.constantFrom('/', '').map((between) => parts.join(between)));

describe('a key that was accepted', () => {
  it('is a path below any root, of the very same text', () => {
    fc.assert(
      fc.property(nearKeys, (text) => {
        fc.pre(accepted(text));
        const path = relative('/root', join('/root', ...text.split('/')));
        expect(path).toBe(text.split('/').join(sep));
        expect(isAbsolute(path) || path.startsWith('..')).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('begins with prefixes that are accepted too, wherever it is cut between characters', () => {
    fc.assert(
      fc.property(nearKeys, fc.nat(), (text, cut) => {
        fc.pre(accepted(text));
        const characters = Array.from(text); // a prefix of half a surrogate pair is no text
        const prefix = characters.slice(0, cut % (characters.length + 1)).join('');
        expect(parseKeyPrefix(prefix)).toBe(prefix);
      }),
    );
  });
});

it('keys are in the order of their UTF-8 bytes', () => {
  const texts = fc.string({
    unit: fc.constantFrom('a', '/', '~', 'é', '\uD7FF', '\uE000', '\uFFFD', '😀', '\u{10FFFF}'),
  });
  fc.assert(
    fc.property(texts, texts, (a, b) => {
      const bytewise = Buffer.compare(Buffer.from(a), Buffer.from(b));
      expect(Math.sign(compareKeys(a, b))).toBe(bytewise);
    }),
    { numRuns: 2_000 },
  );
});
