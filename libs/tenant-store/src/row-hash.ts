import { hash } from 'node:crypto';

/**
 * The checksum of a row, and its part in the digest: SHA-256 of the row in canonical form (docs/formats/row-hash.md).
 *
 *     table byte, then each column:   1, int64 big endian   |   2, u32 length, UTF-8 text   |   3, u32 length, bytes
 *
 * The key is part of it, so that a row that was moved or swapped does not match; local row numbers are not, because they differ between
 * materialisations. Each column says its type, because in SQLite's files one bit makes bytes of a text.
 */
export const rowTables = {
  node: 1,
  edge: 2,
  appliedEvent: 3,
  schema: 4,
  tenant: 5,
  mailboxItem: 6,
} as const;
export type RowTable = keyof typeof rowTables;

const columnTypes = { integer: 1, text: 2, bytes: 3, real: 4 } as const;

const hashBytes = 32;
/** For one UTF-16 unit of a text. */
const utf8BytesMax = 3;

let scratch = Buffer.allocUnsafe(16 * 1024);

/**
 * Numbers are integers below 2^53. Any other number is in no row that was written, but damage can make one: it has a form of its own, as a
 * double, so that it matches nothing.
 */
export function rowHash(
  table: RowTable,
  columns: readonly (string | number | Uint8Array)[],
): Buffer {
  let end = 1;
  const room = (bytes: number) => {
    if (end + bytes > scratch.length) enlarge(end, bytes);
  };
  scratch[0] = rowTables[table];
  for (const column of columns) {
    if (typeof column === 'number') {
      room(9);
      if (Number.isSafeInteger(column)) {
        scratch[end] = columnTypes.integer;
        scratch.writeInt32BE(Math.floor(column / 2 ** 32), end + 1);
        end = scratch.writeUInt32BE(column >>> 0, end + 5);
      } else {
        scratch[end] = columnTypes.real;
        end = scratch.writeDoubleBE(column, end + 1);
      }
    } else if (typeof column === 'string') {
      room(5 + column.length * utf8BytesMax);
      scratch[end] = columnTypes.text;
      const length = scratch.write(column, end + 5, 'utf8');
      scratch.writeUInt32BE(length, end + 1);
      end += 5 + length;
    } else {
      room(5 + column.length);
      scratch[end] = columnTypes.bytes;
      end = scratch.writeUInt32BE(column.length, end + 1);
      scratch.set(column, end);
      end += column.length;
    }
  }
  // As text and back into pooled memory: Node takes more than twice as long to give a buffer of its own.
  const sum = Buffer.allocUnsafe(hashBytes);
  sum.write(hash('sha256', scratch.subarray(0, end), 'binary'), 'binary');
  return sum;
}

function enlarge(used: number, bytes: number): void {
  const larger = Buffer.allocUnsafe(Math.max(scratch.length * 2, used + bytes));
  scratch.copy(larger, 0, 0, used);
  scratch = larger;
}
