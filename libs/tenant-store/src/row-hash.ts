import { hash } from 'node:crypto';

/**
 * The checksum of a row, and its part in the digest: SHA-256 of the row in canonical form (docs/formats/row-hash.md).
 *
 *     table byte, then each column: text and bytes as u32 length (big endian) and bytes, integers as int64 big endian
 *
 * The key is part of it, so that a row that was moved or swapped does not match; local row numbers are not, because they differ between
 * materialisations.
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

let scratch = Buffer.allocUnsafe(16 * 1024);

/** Strings and bytes are told apart by the table's own columns, which are fixed. Numbers are integers below 2^53. */
export function rowHash(
  table: RowTable,
  columns: readonly (string | number | Uint8Array)[],
): Buffer {
  let end = 1;
  const room = (bytes: number) => {
    if (end + bytes <= scratch.length) return;
    const larger = Buffer.allocUnsafe(Math.max(scratch.length * 2, end + bytes));
    scratch.copy(larger, 0, 0, end);
    scratch = larger;
  };
  scratch[0] = rowTables[table];
  for (const column of columns) {
    if (typeof column === 'number') {
      room(8);
      end = scratch.writeInt32BE(Math.floor(column / 2 ** 32), end);
      end = scratch.writeUInt32BE(column >>> 0, end);
    } else if (typeof column === 'string') {
      const length = Buffer.byteLength(column, 'utf8');
      room(4 + length);
      end = scratch.writeUInt32BE(length, end);
      end += scratch.write(column, end, length, 'utf8');
    } else {
      room(4 + column.length);
      end = scratch.writeUInt32BE(column.length, end);
      scratch.set(column, end);
      end += column.length;
    }
  }
  return hash('sha256', scratch.subarray(0, end), 'buffer');
}
