/**
 * JSON as the database keeps it: text, byte for byte. Parsing is left to the reader, because it has a price and because a
 * number need not survive it: integers beyond 2^53 come out of `parse` as bigint, and go in as bigint.
 */
import { EntError, toError } from '@entdb/base';

export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

const kind = Symbol.for('entdb.Json');

export interface Json {
  readonly [kind]: true;
  /** As it is stored. */
  readonly text: string;
  /** Parsed anew with each call. Integers beyond Number.MAX_SAFE_INTEGER are bigint. */
  parse(): JsonValue;
  /** So that JSON.stringify writes the value, not its wrapping. Beyond 2^53 it loses what JSON.parse loses. */
  toJSON(): unknown;
}

/** JSON from its text, which is kept as it is. The gateway refuses text that is not JSON. */
export function jsonOfText(text: string): Json {
  return Object.freeze({
    [kind]: true as const,
    text,
    parse: () => parseJson(text),
    toJSON: (): unknown => JSON.parse(text),
  });
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && kind in value;
}

/** The source text of a number, which ECMAScript gives to revivers and TypeScript's library does not know yet. */
type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

function parseJson(text: string): JsonValue {
  const keepIntegers: Reviver = (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && isInteger(source)
      ? BigInt(source)
      : value;
  // The reviver makes bigints of numbers only: what JSON.parse gives besides is a JsonValue.
  return JSON.parse(text, keepIntegers as (key: string, value: unknown) => unknown) as JsonValue;
}

function isInteger(source: string | undefined): source is string {
  return source !== undefined && /^-?\d+$/.test(source);
}

/** ECMAScript's JSON.rawJSON, which TypeScript's library does not know yet. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => object };

/** Throws INVALID_VALUE for what JSON cannot say, be it that JSON.stringify throws, writes null, or leaves it out. */
export function jsonText(value: unknown, path: string): string {
  try {
    const text: unknown = JSON.stringify(value, (_key, part: unknown) => writable(part));
    if (typeof text === 'string') return text;
  } catch (cause) {
    throw notJson(path, toError(cause).message, cause);
  }
  throw notJson(path, `${typeof value} has no JSON`);
}

function writable(part: unknown): unknown {
  if (typeof part === 'bigint') return rawJSON(part.toString());
  const lost = typeof part === 'number' ? !Number.isFinite(part) : typeof part === 'function';
  if (lost) throw new TypeError(`${String(part)} has no JSON`);
  return part;
}

function notJson(path: string, problem: string, cause?: unknown): EntError {
  return new EntError('INVALID_VALUE', `${path}: ${problem}`, { field: path, cause });
}
