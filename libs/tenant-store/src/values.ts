import type { AnyValue, Value } from '@entdb/contracts';

/** Equality and order of values, the same wherever two values meet: filters, preconditions, keys. */

/** Values of different kinds are never equal. 0 and -0 are. */
export function valuesEqual(a: AnyValue, b: AnyValue): boolean {
  switch (a.case) {
    case 'bytes':
      return b.case === 'bytes' && Buffer.compare(a.value, b.value) === 0;
    case 'list':
      return (
        b.case === 'list' &&
        a.value.values.length === b.value.values.length &&
        a.value.values.every((item, i) => itemsEqual(item, b.value.values[i]!))
      );
    default:
      return a.case === b.case && a.value === b.value;
  }
}

function itemsEqual(a: Value, b: Value): boolean {
  return a.kind.case !== undefined && b.kind.case !== undefined && valuesEqual(a.kind, b.kind);
}

/** Below 0, 0 or above 0, in the order of `orderKey`; undefined where the two have no order (other kinds, json, lists). */
export function compareValues(a: AnyValue, b: AnyValue): number | undefined {
  if (a.case !== b.case) return undefined;
  switch (a.case) {
    case 'str':
    case 'enum':
    case 'ref':
      return compareText(a.value, b.value as string); // of the same case
    case 'bytes':
      return Buffer.compare(a.value, b.value as Uint8Array); // of the same case
    case 'int':
    case 'timestampUs':
    case 'float':
    case 'bool': {
      const other = b.value as typeof a.value; // of the same case
      return a.value < other ? -1 : a.value > other ? 1 : 0;
    }
    case 'json':
    case 'list':
      return undefined;
  }
}

/** The order of UTF-8 bytes, as SQLite has it; JavaScript's own puts characters beyond U+FFFF elsewhere. */
export function compareText(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
