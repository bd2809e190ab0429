import * as fc from 'fast-check';
import { createIdMint } from './mint.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const keyAt = (millisecond: number, salt = 0) => {
  const time = millisecond.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${salt.toString(16).padStart(12, '0')}`;
};
const index = fc.integer({ min: 0, max: 0xffff });

describe('minted ids', () => {
  it('depend on tenant, key and index, and on nothing else', () => {
    expect(createIdMint('acme', keyAt(1)).idAt(7)).toBe(createIdMint('acme', keyAt(1)).idAt(7));
    expect(createIdMint('acme', keyAt(0x18bcfe56800)).idAt(65_535)).toBe(
      '018bcfe5-6800-7681-9da1-72b6e6ffffff',
    );
    expect(createIdMint('acme', 'order-17').idAt(0)).toBe('f0704de0-dbb4-84cd-a125-6862b9830000');
  });

  it('are UUIDs of version 7 for a UUIDv7 key, else of version 8', () => {
    fc.assert(
      fc.property(
        fc.uuid({ version: 7 }),
        fc.string({ minLength: 1 }),
        index,
        (ordered, other, i) => {
          const id = createIdMint('acme', ordered).idAt(i);
          expect(id).toMatch(uuid);
          expect(id.slice(0, 15)).toBe(`${ordered.slice(0, 13)}-7`);
          expect(createIdMint('acme', ordered.toUpperCase()).idAt(i).slice(0, 15)).toBe(
            id.slice(0, 15),
          );
          expect(createIdMint('acme', other).idAt(i)).toMatch(uuid);
          expect(createIdMint('acme', other).idAt(i)[14]).toBe('8');
        },
      ),
    );
  });

  it('rise with the time of the key', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 47),
        fc.integer({ min: 1, max: 2 ** 40 }),
        index,
        index,
        (at, later, i, j) => {
          const [first, second] = [keyAt(at), keyAt(at + later)];
          expect(createIdMint('t', first).idAt(i) < createIdMint('t', second).idAt(j)).toBe(true);
        },
      ),
    );
  });

  it('rise with the index within a transaction', () => {
    fc.assert(
      fc.property(fc.string(), index, index, (key, i, j) => {
        const mint = createIdMint('t', key);
        expect(mint.idAt(i) < mint.idAt(j)).toBe(i < j);
      }),
    );
  });

  it('do not meet, among 100,000 keys of one millisecond', () => {
    const ids = new Set<string>();
    for (let salt = 0; salt < 100_000; salt++) ids.add(createIdMint('t', keyAt(1, salt)).idAt(0));
    for (let i = 0; i < 1_000; i++) ids.add(createIdMint(`t${i}`, keyAt(1)).idAt(0));
    expect(ids.size).toBe(101_000);
  });

  it.each([-1, 65_536, 1.5, Number.NaN])('end before an id would be malformed: index %d', (i) => {
    expect(() => createIdMint('t', 'k').idAt(i)).toThrow('65,536');
  });
});
