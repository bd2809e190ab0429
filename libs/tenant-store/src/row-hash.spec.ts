import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { rowHash, rowTables, type RowTable } from './row-hash.ts';

type Column = string | number | Uint8Array;

/** The format as docs/formats/row-hash.md has it, in the plainest code. */
function asDocumented(table: RowTable, columns: readonly Column[]): string {
  const parts = columns.map((column) => {
    if (typeof column === 'number') {
      const integer = Buffer.alloc(8);
      integer.writeBigInt64BE(BigInt(column));
      return Buffer.concat([Buffer.of(1), integer]);
    }
    const bytes = Buffer.from(column as string);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([Buffer.of(typeof column === 'string' ? 2 : 3), length, bytes]);
  });
  const row = Buffer.concat([Buffer.of(rowTables[table]), ...parts]);
  return createHash('sha256').update(row).digest('hex');
}

const hex = (table: RowTable, columns: readonly Column[]) =>
  rowHash(table, columns).toString('hex');
const column: fc.Arbitrary<Column> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -1, 1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32), 2 ** 32 + 1, -(2 ** 32) - 1),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
  fc.uint8Array(),
);
const columns = fc.array(column, { maxLength: 8 });

describe('the hash of a row', () => {
  it('is what it was when it was first written down', () => {
    expect(hex('node', ['n1', 7, 1, 1_700_000_000_000_000, -1, Buffer.of(1, 2, 3)])).toBe(
      'c4998c88e9dfb9b01d177462e6ba428a934e677640355d1a4a44b5ce62542aa6',
    );
  });

  it('is the documented one, for negative numbers and those beyond 2^32 too', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(rowTables) as RowTable[])),
        columns,
        (table, row) => {
          expect(hex(table, row)).toBe(asDocumented(table, row));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is the same for a row larger than any before', () => {
    const large = ['x'.repeat(40_000), Buffer.alloc(100_000, 1), 'ü'.repeat(200_000), '', 5];
    expect(hex('edge', large)).toBe(asDocumented('edge', large));
  });

  it.each<[string, readonly Column[], readonly Column[]]>([
    ['a text turned into bytes', ['abc'], [Buffer.from('abc')]],
    ['text moved to the next column', ['ab', 'c'], ['a', 'bc']],
    ['swapped columns', [1, 2], [2, 1]],
    ['an integer turned into a float', [1], [1.5]],
    ['a number beyond 2^53', [2 ** 53], [0]],
    ['a number beyond int64', [1e300], [0]],
    ['an infinity', [Infinity], [0]],
    ['a column less', ['a', ''], ['a']],
  ])('shows %s', (_, a, b) => {
    expect(hex('node', a)).not.toBe(hex('node', b));
  });

  it('is another in another table', () => {
    const tables = Object.keys(rowTables) as RowTable[];
    expect(new Set(tables.map((table) => hex(table, ['a', 1]))).size).toBe(tables.length);
  });
});
