import type { AppendRecord } from '../wal.ts';

/**
 * Records as they travel between threads: all values in one buffer, which is handed over rather than copied. Cloning each value
 * would copy the whole buffer that it is a view of, however large.
 */
export interface PackedRecords {
  readonly keys: readonly string[];
  /** JSON, or null where there is none. */
  readonly headers: readonly (string | null)[];
  readonly lengths: Uint32Array<ArrayBuffer>;
  readonly values: Uint8Array<ArrayBuffer>;
}

export function packRecords(records: readonly AppendRecord[]): PackedRecords {
  return {
    keys: records.map((record) => record.key),
    headers: records.map((record) => packHeaders(record.headers)),
    ...packValues(records.map((record) => record.value)),
  };
}

export function packValues(
  parts: readonly Uint8Array[],
): Pick<PackedRecords, 'lengths' | 'values'> {
  const lengths = new Uint32Array(parts.map((part) => part.byteLength));
  const values = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    values.set(part, at);
    at += part.byteLength;
  }
  return { lengths, values };
}

/** Views of the one buffer, in order. */
export function unpackValues({
  lengths,
  values,
}: Pick<PackedRecords, 'lengths' | 'values'>): Uint8Array[] {
  let at = 0;
  return Array.from(lengths, (length) => values.subarray(at, (at += length)));
}

function packHeaders(headers: AppendRecord['headers']): string | null {
  for (const _ in headers) return JSON.stringify(headers);
  return null;
}

const none: Readonly<Record<string, string>> = Object.freeze({});

export function unpackHeaders(json: string | null): Readonly<Record<string, string>> {
  // Written by packHeaders alone, so it is an object of strings.
  return json === null ? none : (JSON.parse(json) as Record<string, string>);
}
