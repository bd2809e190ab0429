import { invariant } from '@entdb/base';

/**
 * Protobuf's wire format into one buffer that serves again and again: a fifth of what the library's writer takes, which makes its buffer anew for
 * each message. Nothing here waits, so that one message is written to its end before the next begins.
 */
let bytes = Buffer.allocUnsafe(64 * 1024);
let end = 0;

const varintBytesMax = 10;
/** Up to this length the loop is faster than the way into native code. */
const shortTextMax = 48;

/** Begins a message; what was written before and not taken is gone. */
export function beginWire(): void {
  end = 0;
}

/** What was written since `beginWire`, as a copy. */
export function takeWire(): Buffer<ArrayBuffer> {
  const taken = Buffer.allocUnsafe(end);
  bytes.copy(taken, 0, 0, end);
  return taken;
}

/** Whether these bytes were written since `beginWire`. */
export function isWire(expected: Uint8Array): boolean {
  return expected.length === end && bytes.compare(expected, 0, end, 0, end) === 0;
}

function room(count: number): void {
  if (end + count <= bytes.length) return;
  const larger = Buffer.allocUnsafe(Math.max(bytes.length * 2, end + count));
  bytes.copy(larger, 0, 0, end);
  bytes = larger;
}

/** Also tags, which are numbers of this kind. */
export function writeUint32(value: number): void {
  invariant(value >>> 0 === value, 'a uint32 is a whole number below 2^32');
  room(varintBytesMax);
  let rest = value;
  while (rest > 0x7f) {
    bytes[end++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[end++] = rest;
}

export function writeInt64(value: bigint): void {
  if (value >= 0n && value <= 0xffffffffn) return writeUint32(Number(value));
  invariant(BigInt.asIntN(64, value) === value, 'an int64 has 64 bits');
  room(varintBytesMax);
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    bytes[end++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  bytes[end++] = Number(rest);
}

export function writeDouble(value: number): void {
  room(8);
  end = bytes.writeDoubleLE(value, end);
}

export function writeBool(value: boolean): void {
  writeUint32(value ? 1 : 0);
}

/** Length and bytes. */
export function writeBytes(value: Uint8Array): void {
  writeUint32(value.length);
  writeRaw(value);
}

export function writeRaw(value: Uint8Array): void {
  room(value.length);
  bytes.set(value, end);
  end += value.length;
}

/** Length and UTF-8. */
export function writeText(text: string): void {
  if (text.length <= shortTextMax && writeShortAscii(text)) return;
  const start = fork();
  room(text.length * 3); // UTF-8 of a UTF-16 unit at the most
  end += bytes.write(text, end, 'utf8');
  join(start);
}

/** Whether the text was of that kind; otherwise nothing is written. */
function writeShortAscii(text: string): boolean {
  const { length } = text;
  room(length + 1);
  bytes[end] = length;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return false;
    bytes[end + 1 + i] = unit;
  }
  end += length + 1;
  return true;
}

/** Begins what is preceded by its length; what it returns is for `join`, at its end. */
export function fork(): number {
  room(1); // most are shorter than 128 bytes
  end += 1;
  return end;
}

export function join(start: number): void {
  const length = end - start;
  if (length < 0x80) {
    bytes[start - 1] = length;
    return;
  }
  const more = length < 0x4000 ? 1 : length < 0x200000 ? 2 : length < 0x10000000 ? 3 : 4;
  room(more);
  bytes.copyWithin(start + more, start, end);
  end = start - 1;
  writeUint32(length);
  end += length;
}
