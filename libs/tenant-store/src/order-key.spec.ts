import { EntError } from '@entdb/base';
import { val, valueOf, type AnyValue, type Value } from '@entdb/contracts';
import * as fc from 'fast-check';
import { combinedKey, orderKey } from './order-key.ts';
import { compareValues } from './values.ts';

const inside = (value: Value): AnyValue => {
  if (value.kind.case === undefined) throw new Error('a value has a kind');
  return value.kind;
};
const keyOf = (value: Value) => orderKey(inside(value));
const compareCodePoints = (a: string, b: string): number => {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
};
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('\0', '\x01', 'a', '\uD7FF', '\uFFFD', '\u{10000}', '\u{10FFFF}'),
  }),
);
const int = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -300n, max: 300n }),
  fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, -(2n ** 53n) - 1n, 2n ** 53n + 1n),
);
const float = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(
    0,
    -0,
    Number.MIN_VALUE,
    -Number.MIN_VALUE,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    2.2250738585072014e-308,
    -2.225073858507201e-308,
  ),
);
const bytes = fc.uint8Array({ maxLength: 6 }).map((array) => new Uint8Array(array));
const less = <T extends bigint | number | boolean>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : 0);

/** The order of the keys is that of the values, and so is that of `compareValues`. */
function expectSameOrder<T>(
  values: fc.Arbitrary<T>,
  make: (value: T) => Value,
  compare: (a: T, b: T) => number,
): void {
  fc.assert(
    fc.property(values, values, (a, b) => {
      const order = Math.sign(compare(a, b)) + 0;
      expect(Buffer.compare(keyOf(make(a)), keyOf(make(b)))).toBe(order);
      expect(Math.sign(compareValues(inside(make(a)), inside(make(b)))!) + 0).toBe(order);
    }),
    { numRuns: 1000 },
  );
}

describe('the order of keys is the order of values', () => {
  it('int', () => expectSameOrder(int, val.int, less));
  it('timestamp', () => expectSameOrder(int, val.timestamp, less));
  it('float, with 0 and -0 equal', () => expectSameOrder(float, val.float, less));
  it('bool', () => expectSameOrder(fc.boolean(), val.bool, less));
  it('bytes', () => expectSameOrder(bytes, val.bytes, (a, b) => Buffer.compare(a, b)));
  it('str, by code points', () => expectSameOrder(text, val.str, compareCodePoints));
  it('enum', () => expectSameOrder(text, val.enum, compareCodePoints));
  it('ref', () => expectSameOrder(text, val.ref, compareCodePoints));

  it('from the least int64 to the greatest', () => {
    const rising = [
      -(2n ** 63n),
      -(2n ** 32n),
      -1n,
      0n,
      1n,
      2n ** 53n,
      2n ** 53n + 1n,
      2n ** 63n - 1n,
    ];
    const keys = rising.map((value) => keyOf(val.int(value)));
    expect(keys.toSorted((a, b) => Buffer.compare(a, b))).toEqual(keys);
  });

  it('keeps kinds apart', () => {
    const keys = [
      val.str('a'),
      val.enum('a'),
      val.ref('a'),
      val.bytes(Buffer.from('a')),
      val.int(1),
      val.timestamp(1n),
      val.float(1),
      val.bool(true),
    ];
    expect(new Set(keys.map((value) => keyOf(value).toString('hex'))).size).toBe(keys.length);
  });

  it.each([val.json('1'), val.list([])])('and there is none for %p', (value) => {
    expect(() => keyOf(value)).toThrow(EntError);
  });
});

describe('the key of a combination', () => {
  const part = fc.oneof(
    text.map(val.str),
    int.map(val.int),
    bytes.map(val.bytes),
    fc.boolean().map(val.bool),
  );
  const parts = fc.array(part, { minLength: 1, maxLength: 3 });

  it('is another for another combination of as many fields', () => {
    const pair = fc.integer({ min: 1, max: 3 }).chain((length) => {
      const combination = fc.array(part, { minLength: length, maxLength: length });
      return fc.tuple(combination, combination);
    });
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const same = a.every((value, i) => keyOf(value).equals(keyOf(b[i]!)));
        expect(combinedKey(a.map(inside)).equals(combinedKey(b.map(inside)))).toBe(same);
      }),
    );
  });

  it('does not run one part into the next', () => {
    const key = (...texts: string[]) => combinedKey(texts.map((value) => inside(val.str(value))));
    expect(key('a', 'bc')).not.toEqual(key('ab', 'c'));
    expect(key('', 'a')).not.toEqual(key('a', ''));
    expect(key('a', 'b\x01c')).not.toEqual(key('a\x01b', 'c')); // 1 is the kind byte of text
  });

  it('of one field is the key of its value', () => {
    fc.assert(
      fc.property(parts, ([value]) => {
        expect(combinedKey([inside(value!)])).toEqual(keyOf(value!));
      }),
    );
    expect(() => combinedKey([inside(valueOf({ case: 'json', value: '1' }))])).toThrow(EntError);
  });
});
