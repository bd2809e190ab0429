import { InvariantError } from '@entdb/base';
import * as fc from 'fast-check';
import { MultisetHash } from './multiset-hash.ts';

const modulus = 2n ** 256n;
const hash = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
  fc
    .array(fc.constantFrom(0, 1, 255), { minLength: 32, maxLength: 32 })
    .map((bytes) => Buffer.from(bytes)),
);
const hashes = fc.array(hash, { maxLength: 20 });

/** Little endian, as the digest is stored. */
function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

function sumOf(items: readonly Uint8Array[]): MultisetHash {
  const sum = new MultisetHash();
  for (const item of items) sum.add(item);
  return sum;
}

describe('the multiset hash', () => {
  it('is the sum modulo 2^256', () => {
    fc.assert(
      fc.property(hashes, (items) => {
        const expected = items.reduce((total, item) => (total + toBigInt(item)) % modulus, 0n);
        expect(toBigInt(sumOf(items).bytes())).toBe(expected);
      }),
    );
  });

  it('is the difference modulo 2^256, below zero too', () => {
    fc.assert(
      fc.property(hashes, hashes, (added, removed) => {
        const sum = sumOf(added);
        for (const item of removed) sum.remove(item);
        const total =
          added.reduce((t, item) => t + toBigInt(item), 0n) -
          removed.reduce((t, item) => t + toBigInt(item), 0n);
        expect(toBigInt(sum.bytes())).toBe(((total % modulus) + modulus) % modulus);
      }),
    );
  });

  it('does not depend on the order, and removing undoes adding', () => {
    const shuffled = hashes.chain((items) =>
      fc.tuple(fc.constant(items), fc.shuffledSubarray(items, { minLength: items.length }), hash),
    );
    fc.assert(
      fc.property(shuffled, ([items, others, extra]) => {
        const sum = sumOf([extra, ...others]);
        sum.remove(extra);
        expect(sum.hex()).toBe(sumOf(items).hex());
      }),
    );
  });

  it('carries through all limbs', () => {
    const sum = sumOf([Buffer.alloc(32, 255), Buffer.from([1, ...Buffer.alloc(31)])]);
    expect(sum.hex()).toBe('0'.repeat(64));
    sum.remove(Buffer.from([1, ...Buffer.alloc(31)]));
    expect(sum.hex()).toBe('f'.repeat(64));
  });

  it('takes hashes and stored digests that are parts of larger buffers, at any offset', () => {
    fc.assert(
      fc.property(hash, hash, fc.nat(13), (stored, item, offset) => {
        const around = Buffer.alloc(offset + 70, 0xaa);
        around.set(stored, offset);
        around.set(item, offset + 33);
        const sum = MultisetHash.from(around.subarray(offset, offset + 32));
        sum.add(around.subarray(offset + 33, offset + 65));
        expect(toBigInt(sum.bytes())).toBe((toBigInt(stored) + toBigInt(item)) % modulus);
      }),
    );
  });

  it('counts a row that is there twice', () => {
    const row = Buffer.alloc(32, 7);
    expect(sumOf([row, row]).hex()).not.toBe(sumOf([row]).hex());
  });

  it.each([0, 31, 33])(
    'refuses a hash of %d bytes, whatever lies behind it in memory',
    (length) => {
      const part = Buffer.alloc(100).subarray(0, length);
      expect(() => MultisetHash.from(part)).toThrow(InvariantError);
      expect(() => new MultisetHash().add(part)).toThrow(InvariantError);
      expect(() => new MultisetHash().remove(part)).toThrow(InvariantError);
    },
  );
});
