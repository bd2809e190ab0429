import fc from 'fast-check';
import { decodePageToken, encodePageToken, queryHashOf, type KeyPart } from './page-token.ts';
import { codeOf } from './testing/refusal.ts';

const anyKey = (key: readonly KeyPart[]): key is readonly KeyPart[] => Array.isArray(key);
const hash = queryHashOf('QueryNodes', 't1', Buffer.from('a query'));
const parts = fc.array(
  fc.oneof(
    fc.constant(null),
    fc.double(),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  ),
  { maxLength: 4 },
);

describe('page token', () => {
  it('gives back the key that it was made of', () => {
    fc.assert(
      fc.property(parts, (key) => {
        expect(decodePageToken(encodePageToken(hash, key), hash, anyKey)).toEqual(key);
      }),
    );
  });

  it('is refused when any character of it is changed, added or lost', () => {
    const token = encodePageToken(hash, [123456789, 'node-7']);
    const damaged = Array.from(token).flatMap((character, i) => {
      const other = character === 'A' ? 'B' : 'A';
      const before = token.slice(0, i);
      return [
        before + other + token.slice(i + 1),
        before + token.slice(i + 1),
        `${before}${other}${token.slice(i)}`,
      ];
    });
    for (const text of [...damaged, `${token}=`, `${token}!`, ` ${token}`, 'x', '💥', '-1']) {
      expect(codeOf(() => decodePageToken(text, hash, anyKey))).toBe('INVALID_PAGE_TOKEN');
    }
  });

  it.each([
    ['another method', queryHashOf('ListEdges', 't1', Buffer.from('a query'))],
    ['another tenant', queryHashOf('QueryNodes', 't2', Buffer.from('a query'))],
    ['another request', queryHashOf('QueryNodes', 't1', Buffer.from('another query'))],
  ])('is refused by %s', (_, other) => {
    const token = encodePageToken(hash, ['node-7']);
    expect(() => decodePageToken(token, other, anyKey)).toThrow(/belongs to another query/);
  });

  it('is refused with a key of another shape, as a forger could make it', () => {
    const token = encodePageToken(hash, ['node-7']);
    const isNumber = (key: readonly KeyPart[]): key is readonly [number] =>
      typeof key[0] === 'number';
    expect(codeOf(() => decodePageToken(token, hash, isNumber))).toBe('INVALID_PAGE_TOKEN');
  });
});
