import { isUtf8 } from 'node:buffer';
import { irregular, type Part, type Shape } from './json-shape.ts';

/**
 * The JSON of a message straight from its bytes, as `toJson` and `JSON.stringify` give it, at a sixth of their cost: no objects are made on the way. It
 * knows the one form that we write (fields in order, the shortest varints, nothing that could be left out), which is also the only one that JSON gives back;
 * it leaves everything else to the library. Nothing here waits, so that one text is made to its end before the next begins.
 */
let source: Buffer = Buffer.alloc(0);
let at = 0;
let out = Buffer.allocUnsafe(64 * 1024);
let end = 0;
let isAscii = true;

/** Undefined for what is not in the one form. */
export function jsonText(shape: Shape, bytes: Uint8Array): string | undefined {
  source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  at = 0;
  end = 0;
  isAscii = true;
  try {
    putMessage(shape, source.length);
    return out.toString(isAscii ? 'latin1' : 'utf8', 0, end);
  } catch (error) {
    if (error === irregular) return undefined;
    throw error;
  }
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];
const tagOfKey = 0x08;
const tagOfValue = 0x12;
/** Up to this length the loop is faster than the way into native code. */
const shortTextMax = 48;
/** What is not ASCII, or must be escaped. */
const special = /[^ !#-[\]-~]/;
/** The longest that one byte becomes: \u001f. */
const escapedMax = 6;

function putMessage(shape: Shape, limit: number): void {
  put(openBrace);
  let last = 0;
  let chosen = 0;
  while (at < limit) {
    const tag = uint32();
    const part = shape.byNumber[tag >>> 3];
    if (part?.tag !== tag || part.number <= last || (chosen & part.oneof) !== 0) throw irregular;
    if (last > 0) put(comma);
    last = part.number;
    chosen |= part.oneof;
    putRaw(part.label);
    if (part.many === 'one') putOne(part, limit);
    else if (part.many === 'map') putMap(part, limit);
    else if (part.many === 'list') putList(part, limit);
    else putPacked(limit);
  }
  // Of each oneof one: none may be a member that only a later version knows.
  if (at !== limit || chosen !== shape.oneofs) throw irregular;
  put(closeBrace);
}

function putList(part: Part, limit: number): void {
  put(openBracket);
  putOne(part, limit);
  while (isNext(part.tag, limit)) {
    put(comma);
    putOne(part, limit);
  }
  put(closeBracket);
}

function putPacked(limit: number): void {
  const stop = endOfPart(limit);
  if (at === stop) throw irregular;
  put(openBracket);
  putAscii(String(uint32()));
  while (at < stop) {
    put(comma);
    putAscii(String(uint32()));
  }
  if (at !== stop) throw irregular;
  put(closeBracket);
}

function putMap(part: Part, limit: number): void {
  put(openBrace);
  let last = -1;
  do {
    const stop = endOfPart(limit);
    if (source[at++] !== tagOfKey) throw irregular;
    const key = uint32();
    if (key <= last) throw irregular;
    if (last >= 0) put(comma);
    last = key;
    put(quote);
    putAscii(String(key));
    put(quote);
    put(colon);
    if (source[at++] !== tagOfValue) throw irregular;
    putOne(part, stop);
    if (at !== stop) throw irregular;
  } while (isNext(part.tag, limit));
  put(closeBrace);
}

/** Steps over the tag if it comes next. */
function isNext(tag: number, limit: number): boolean {
  if (at >= limit) return false;
  const before = at;
  if (uint32() === tag) return true;
  at = before;
  return false;
}

function putOne(part: Part, limit: number): void {
  switch (part.kind) {
    case 'text':
      return putText(endOfPart(limit), part.implicit);
    case 'message':
      return putMessage(part.shape!, endOfPart(limit));
    case 'uint32':
      return putAscii(String(said(uint32(), part.implicit)));
    case 'int64':
    case 'uint64':
      return putLong(part.kind === 'int64', part.implicit);
    case 'double':
      return putAscii(String(said(double(), part.implicit)));
    case 'bool': {
      const value = uint32();
      if (value > 1 || (value === 0 && part.implicit)) throw irregular;
      return putAscii(value === 1 ? 'true' : 'false');
    }
    case 'bytes': {
      const stop = endOfPart(limit);
      if (at === stop && part.implicit) throw irregular;
      putAscii(`"${source.toString('base64', at, stop)}"`);
      at = stop;
      return;
    }
    case 'enum': {
      const name = part.names.get(said(uint32(), part.implicit));
      if (name === undefined) throw irregular;
      return putAscii(`"${name}"`);
    }
  }
}

/** What is implicit and says nothing would not be there. */
function said(value: number, implicit: boolean): number {
  if (implicit && value === 0) throw irregular;
  return value;
}

/** 0: as it is; otherwise what follows the backslash, `u` for the long form. */
const escapes = new Uint8Array(256);
escapes.fill(0x75, 0, 0x20);
for (const [code, letter] of [
  [0x08, 'b'],
  [0x09, 't'],
  [0x0a, 'n'],
  [0x0c, 'f'],
  [0x0d, 'r'],
  [0x22, '"'],
  [0x5c, '\\'],
] as const)
  escapes[code] = letter.charCodeAt(0);

function putText(stop: number, implicit: boolean): void {
  if (at === stop && implicit) throw irregular;
  room((stop - at) * escapedMax + 2);
  if (stop - at > shortTextMax && !special.test(source.toString('latin1', at, stop))) {
    out[end++] = quote;
    end += source.copy(out, end, at, stop);
    out[end++] = quote;
    at = stop;
    return;
  }
  const begin = at;
  let highest = 0;
  out[end++] = quote;
  while (at < stop) {
    const byte = source[at++]!;
    highest |= byte;
    const escape = escapes[byte]!;
    if (escape === 0) {
      out[end++] = byte;
      continue;
    }
    out[end++] = 0x5c;
    out[end++] = escape;
    if (escape === 0x75) end += out.write(byte.toString(16).padStart(4, '0'), end, 'latin1');
  }
  out[end++] = quote;
  if (highest < 0x80) return;
  if (!isUtf8(source.subarray(begin, stop))) throw irregular;
  isAscii = false;
}

function putLong(signed: boolean, implicit: boolean): void {
  const begin = at;
  let low = 0; // 28 bits
  let high = 0; // the others, exact up to 2^53
  for (let shift = 0; ; shift += 7) {
    const byte = source[at++];
    if (byte === undefined || shift > 63) throw irregular;
    if (shift < 28) low |= (byte & 0x7f) << shift;
    else high += (byte & 0x7f) * 2 ** (shift - 28);
    if (byte < 0x80) {
      if ((byte === 0 && shift > 0) || (shift === 63 && byte > 1)) throw irregular;
      break;
    }
  }
  if (implicit && low === 0 && high === 0) throw irregular;
  const value = high * 2 ** 28 + low;
  putAscii(
    Number.isSafeInteger(value)
      ? `"${value}"`
      : `"${longText(source.subarray(begin, at), signed)}"`,
  );
}

function longText(varint: Uint8Array, signed: boolean): string {
  let value = 0n;
  for (const byte of varint.toReversed()) value = (value << 7n) | BigInt(byte & 0x7f);
  return String(signed ? BigInt.asIntN(64, value) : value);
}

function double(): number {
  if (at + 8 > source.length) throw irregular;
  const value = source.readDoubleLE(at);
  at += 8;
  if (!Number.isFinite(value) || Object.is(value, -0)) throw irregular; // JSON does not give them back
  return value;
}

/** The length that comes next says where a part ends. */
function endOfPart(limit: number): number {
  const stop = uint32() + at;
  if (stop > limit) throw irregular;
  return stop;
}

function uint32(): number {
  let byte = source[at++];
  if (byte === undefined) throw irregular;
  if (byte < 0x80) return byte;
  let value = byte & 0x7f;
  for (let shift = 7; shift <= 28; shift += 7) {
    byte = source[at++];
    if (byte === undefined) throw irregular;
    value |= (byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    if (byte === 0 || (shift === 28 && byte > 0x0f)) throw irregular;
    return value >>> 0;
  }
  throw irregular;
}

function room(count: number): void {
  if (end + count <= out.length) return;
  const larger = Buffer.allocUnsafe(Math.max(out.length * 2, end + count));
  out.copy(larger, 0, 0, end);
  out = larger;
}

function put(byte: number): void {
  room(1);
  out[end++] = byte;
}

function putRaw(bytes: Uint8Array): void {
  const { length } = bytes;
  room(length);
  for (let i = 0; i < length; i += 1) out[end + i] = bytes[i]!;
  end += length;
}

function putAscii(text: string): void {
  const { length } = text;
  room(length);
  for (let i = 0; i < length; i += 1) out[end + i] = text.charCodeAt(i);
  end += length;
}
