import { irregular, type Part, type Shape } from './json-shape.ts';
import {
  beginWire,
  fork,
  isWire,
  join,
  takeWire,
  writeBool,
  writeBytes,
  writeDouble,
  writeInt64,
  writeText,
  writeUint32,
} from './wire-writer.ts';

/**
 * The bytes of a message straight from its parsed JSON, as `fromJson` and `toBinary` give them, at a fourth of their cost. It knows the one form that
 * json-text.ts writes, and leaves everything else that the JSON of protobuf allows to the library.
 */
export function wireOfJson(shape: Shape, json: unknown): Buffer<ArrayBuffer> | undefined {
  return write(shape, json) ? takeWire() : undefined;
}

/** Whether these are the bytes. */
export function isWireOfJson(shape: Shape, json: unknown, bytes: Uint8Array): boolean {
  return write(shape, json) && isWire(bytes);
}

function write(shape: Shape, json: unknown): boolean {
  beginWire();
  try {
    writeObject(shape, json);
    return true;
  } catch (error) {
    if (error === irregular) return false;
    throw error;
  }
}

const tagOfKey = 0x08;
const tagOfValue = 0x12;

function writeObject(shape: Shape, json: unknown): void {
  const object = objectOf(json);
  let last = 0;
  let chosen = 0;
  for (const name in object) {
    const part = shape.byName.get(name);
    if (!part || part.number <= last || (chosen & part.oneof) !== 0) throw irregular;
    last = part.number;
    chosen |= part.oneof;
    writePart(part, object[name]);
  }
}

function writePart(part: Part, value: unknown): void {
  if (part.many === 'map') return writeMap(part, objectOf(value));
  if (part.many === 'one') {
    writeUint32(part.tag);
    return writeOne(part, value);
  }
  if (!Array.isArray(value) || value.length === 0) throw irregular;
  const items: readonly unknown[] = value;
  if (part.many === 'packed') {
    writeUint32(part.tag);
    const start = fork();
    for (const item of items) writeUint32(uint32Of(item));
    return join(start);
  }
  for (const item of items) {
    writeUint32(part.tag);
    writeOne(part, item);
  }
}

/** Keys that are array indices come in ascending order, and the only other one is the highest. */
function writeMap(part: Part, object: Readonly<Record<string, unknown>>): void {
  let isEmpty = true;
  for (const name in object) {
    const key = Number(name);
    if (key >>> 0 !== key || String(key) !== name) throw irregular;
    isEmpty = false;
    writeUint32(part.tag);
    const start = fork();
    writeUint32(tagOfKey);
    writeUint32(key);
    writeUint32(tagOfValue);
    writeOne(part, object[name]);
    join(start);
  }
  if (isEmpty) throw irregular;
}

function writeOne(part: Part, value: unknown): void {
  switch (part.kind) {
    case 'text':
      if (typeof value !== 'string' || !value.isWellFormed()) throw irregular;
      if (part.implicit && value === '') throw irregular;
      return writeText(value);
    case 'message': {
      const start = fork();
      writeObject(part.shape!, value);
      return join(start);
    }
    case 'uint32': {
      const number = uint32Of(value);
      if (part.implicit && number === 0) throw irregular;
      return writeUint32(number);
    }
    case 'int64':
    case 'uint64': {
      if (typeof value === 'string' && shortDecimal.test(value)) return writeUint32(Number(value));
      const long = longOf(value, part.kind);
      if (part.implicit && long === 0n) throw irregular;
      return writeInt64(long);
    }
    case 'double':
      if (typeof value !== 'number' || (part.implicit && value === 0)) throw irregular;
      return writeDouble(value);
    case 'bool':
      if (typeof value !== 'boolean' || (part.implicit && !value)) throw irregular;
      return writeBool(value);
    case 'bytes':
      return writeBytes(bytesOf(value, part.implicit));
    case 'enum': {
      const number = typeof value === 'string' ? part.numbers.get(value) : undefined;
      if (number === undefined || (part.implicit && number === 0)) throw irregular;
      return writeUint32(number);
    }
  }
}

function objectOf(json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw irregular;
  return json as Readonly<Record<string, unknown>>;
}

function uint32Of(value: unknown): number {
  if (typeof value !== 'number' || value >>> 0 !== value) throw irregular;
  return value;
}

/** Most of them: from 1, below 2^32. */
const shortDecimal = /^[1-9][0-9]{0,8}$/;
const decimal = /^(?:0|-?[1-9][0-9]{0,19})$/;

function longOf(value: unknown, kind: 'int64' | 'uint64'): bigint {
  if (typeof value !== 'string' || !decimal.test(value)) throw irregular;
  const long = BigInt(value);
  if ((kind === 'int64' ? BigInt.asIntN(64, long) : BigInt.asUintN(64, long)) !== long)
    throw irregular;
  return kind === 'int64' ? long : BigInt.asIntN(64, long); // the same bits
}

function bytesOf(value: unknown, implicit: boolean): Buffer {
  if (typeof value !== 'string' || (implicit && value === '')) throw irregular;
  const bytes = Buffer.from(value, 'base64');
  if (bytes.toString('base64') !== value) throw irregular;
  return bytes;
}
