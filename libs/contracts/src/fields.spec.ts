import { EntError } from '@entdb/base';
import * as fc from 'fast-check';
import { decodeFields, encodeFields, encodeValue } from './fields.ts';
import { fieldEntries, fields, scalar } from './testing/arbitrary.ts';
import { codeOf } from './testing/refusal.ts';
import { val } from './value.ts';

const damaged = (hex: string) => codeOf(() => decodeFields(Buffer.from(hex, 'hex')));

describe('the bytes of fields', () => {
  it('give back what was put in', () => {
    fc.assert(
      fc.property(fields, (set) => {
        expect(decodeFields(encodeFields(set))).toStrictEqual(set);
      }),
    );
  });

  it.each([
    ['the least int64', val.int(-(2n ** 63n))],
    ['the greatest int64', val.int(2n ** 63n - 1n)],
    ['an int beyond 2^53', val.int(2n ** 53n + 1n)],
    ['-0', val.float(-0)],
    ['the least denormal', val.float(Number.MIN_VALUE)],
    ['empty text', val.str('')],
    ['no bytes', val.bytes(new Uint8Array())],
    ['an empty list', val.list([])],
    ['a surrogate pair', val.str('\u{1F600}')],
    ['a byte order mark', val.str('\uFEFFa')],
  ])('keep %s', (_, value) => {
    expect(decodeFields(encodeFields({ 1: value }))).toStrictEqual({ 1: value });
  });

  it('do not depend on the order in which the fields were set', () => {
    const orders = fieldEntries.chain((entries) =>
      fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })),
    );
    fc.assert(
      fc.property(orders, ([entries, shuffled]) => {
        expect(encodeFields(Object.fromEntries(shuffled))).toEqual(
          encodeFields(Object.fromEntries(entries)),
        );
      }),
    );
  });

  it('are the only bytes of their fields: damage is either found or was none', () => {
    const mutated = fields.chain((set) => {
      const bytes = encodeFields(set);
      return fc
        .record({
          from: fc.nat(bytes.length),
          remove: fc.nat(3),
          insert: fc.uint8Array({ maxLength: 3 }),
        })
        .map(({ from, remove, insert }) =>
          Buffer.concat([bytes.subarray(0, from), insert, bytes.subarray(from + remove)]),
        );
    });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 40 })), (bytes) => {
        const given = Buffer.from(bytes);
        try {
          expect(encodeFields(decodeFields(given))).toEqual(given);
        } catch (error) {
          if (!(error instanceof EntError)) throw error;
          expect(error.code).toBe('STORE_CORRUPT');
        }
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['a field id of 0', '000401'],
    ['ids that fall', '02040101' + '0401'],
    ['an id twice', '0104010104' + '00'],
    ['an id that is not in its shortest form', '81000401'],
    ['a length that is not in its shortest form', '0101810061'],
    ['an id beyond 32 bits', 'ffffffff1f0401'],
    ['a number that does not end', 'ffffffffff'],
    ['a length beyond the end', '01010561'],
    ['a bool of 2', '010402'],
    ['half an int', '010200000000'],
    ['no value', '0101'],
    ['a kind of another time', '010b00'],
    ['text that is not UTF-8', '010102c328'],
    ['a lone surrogate', '010103eda080'],
    ['a NaN', '01037ff8000000000000'],
    ['an infinity', '01037ff0000000000000'],
    ['an empty list with a kind', '010a0100'],
    ['a list without a kind that has values', '010a0001'],
    ['a list longer than its row', '010a01ffffffff0f'],
    ['a list of lists', '010a0a010000'],
    ['lists nested to exhaust the stack', `010a${'0a01'.repeat(50_000)}`],
  ])('are refused with %s', (_, hex) => {
    expect(damaged(hex)).toBe('STORE_CORRUPT');
  });

  it('of one value are a part of those of a field', () => {
    fc.assert(
      fc.property(scalar, ({ kind }) => {
        fc.pre(kind.case !== undefined);
        const inField = encodeFields({ 1: { $typeName: 'entdb.v1.Value', kind } });
        expect(inField.subarray(1)).toEqual(encodeValue(kind));
      }),
    );
  });

  it('do not change when more are encoded', () => {
    const first = encodeFields({ 1: val.str('kept') });
    const before = Buffer.from(first);
    encodeFields({ 1: val.str('x'.repeat(200_000)) });
    expect(first).toEqual(before);
  });
});
