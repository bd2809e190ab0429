import { isUtf8 } from 'node:buffer';
import { EntError, invariant } from '@entdb/base';
import { valueOf, type AnyValue, type Fields, type ValueKind } from './value.ts';

/**
 * The canonical form of a row's fields (docs/formats/fields.md): the same fields give the same bytes, always and everywhere, so
 * that they can be hashed, compared and stored.
 *
 *     fields = { id varint, kind byte, value } in ascending order of ids
 *     str json enum ref bytes: length varint, bytes      int timestamp: int64 big endian      float: IEEE 754 big endian
 *     bool: one byte, 0 or 1                              list: kind byte (0 where empty), count varint, values
 *
 * A varint is in its shortest form and fits 32 bits. Whatever is decoded gives the same bytes when it is encoded again.
 */
const kindCodes = {
  str: 1,
  int: 2,
  float: 3,
  bool: 4,
  timestampUs: 5,
  json: 6,
  bytes: 7,
  enum: 8,
  ref: 9,
  list: 10,
} as const satisfies Record<ValueKind, number>;
const kindNames = Object.fromEntries(
  Object.entries(kindCodes).map(([name, code]) => [code, name]),
) as Readonly<Record<number, ValueKind>>; // the table, turned round

let scratch = Buffer.allocUnsafe(64 * 1024);
let end = 0;

function room(bytes: number): void {
  if (end + bytes <= scratch.length) return;
  const larger = Buffer.allocUnsafe(Math.max(scratch.length * 2, end + bytes));
  scratch.copy(larger, 0, 0, end);
  scratch = larger;
}

function writeVarint(value: number): void {
  room(5);
  let rest = value;
  while (rest > 0x7f) {
    scratch[end++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  scratch[end++] = rest;
}

function writeText(text: string): void {
  const length = Buffer.byteLength(text, 'utf8');
  writeVarint(length);
  room(length);
  end += scratch.write(text, end, length, 'utf8');
}

function writeValue(value: AnyValue): void {
  switch (value.case) {
    case 'str':
    case 'json':
    case 'enum':
    case 'ref':
      return writeText(value.value);
    case 'int':
    case 'timestampUs':
      room(8);
      end = scratch.writeBigInt64BE(value.value, end);
      return;
    case 'float':
      room(8);
      end = scratch.writeDoubleBE(value.value, end);
      return;
    case 'bool':
      room(1);
      scratch[end++] = value.value ? 1 : 0;
      return;
    case 'bytes':
      writeVarint(value.value.length);
      room(value.value.length);
      scratch.set(value.value, end);
      end += value.value.length;
      return;
    case 'list': {
      const items = value.value.values;
      const first = items[0]?.kind.case;
      room(1);
      scratch[end++] = first === undefined ? 0 : kindCodes[first];
      writeVarint(items.length);
      for (const { kind } of items) {
        invariant(
          kind.case !== undefined && kind.case === first && kind.case !== 'list',
          'a list holds values of one kind',
        );
        writeValue(kind);
      }
    }
  }
}

/** Canonical bytes. The fields must have passed `checkValue`. */
export function encodeFields(fields: Fields): Buffer {
  end = 0;
  for (const id in fields) {
    const kind = fields[id]!.kind;
    invariant(kind.case !== undefined, 'a field has a value');
    writeVarint(Number(id));
    room(1);
    scratch[end++] = kindCodes[kind.case];
    writeValue(kind);
  }
  const bytes = Buffer.allocUnsafe(end);
  scratch.copy(bytes, 0, 0, end);
  return bytes;
}

/** One value by itself: kind byte and value. For keys and comparisons of equality. */
export function encodeValue(value: AnyValue): Buffer {
  end = 0;
  room(1);
  scratch[end++] = kindCodes[value.case];
  writeValue(value);
  return Buffer.from(scratch.subarray(0, end));
}

/** Throws STORE_CORRUPT on anything that `encodeFields` cannot have written. */
export function decodeFields(bytes: Uint8Array): Fields {
  const reader = new FieldReader(bytes);
  const fields: Fields = {};
  let last = 0;
  while (!reader.done) {
    const id = reader.varint();
    if (id <= last) throw damaged('field ids do not rise');
    last = id;
    fields[id] = valueOf(reader.value(reader.kind()));
  }
  return fields;
}

function damaged(what: string): EntError {
  return new EntError('STORE_CORRUPT', `stored fields are damaged: ${what}`);
}

class FieldReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  varint(): number {
    let result = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#take(1)]!;
      result += (byte & 0x7f) * 2 ** shift;
      if (byte >= 0x80) continue;
      if (byte === 0 && shift > 0) throw damaged('a number is not in its shortest form');
      if (result > 0xffffffff) break;
      return result;
    }
    throw damaged('a number is too large');
  }

  kind(): ValueKind {
    return this.#kindOf(this.#bytes[this.#take(1)]!);
  }

  value(kind: ValueKind): AnyValue {
    switch (kind) {
      case 'str':
      case 'json':
      case 'enum':
      case 'ref': {
        const length = this.varint();
        const from = this.#take(length);
        // Without this, damaged text would come back as other text, with U+FFFD in it.
        if (!isUtf8(this.#bytes.subarray(from, from + length))) throw damaged('text is not UTF-8');
        return { case: kind, value: this.#bytes.toString('utf8', from, from + length) };
      }
      case 'int':
      case 'timestampUs':
        return { case: kind, value: this.#bytes.readBigInt64BE(this.#take(8)) };
      case 'float': {
        const value = this.#bytes.readDoubleBE(this.#take(8));
        if (!Number.isFinite(value)) throw damaged('a float is not finite');
        return { case: kind, value };
      }
      case 'bool': {
        const byte = this.#bytes[this.#take(1)]!;
        if (byte > 1) throw damaged('a bool is neither 0 nor 1');
        return { case: kind, value: byte === 1 };
      }
      case 'bytes': {
        const length = this.varint();
        const from = this.#take(length);
        return { case: kind, value: new Uint8Array(this.#bytes.subarray(from, from + length)) };
      }
      case 'list': {
        const code = this.#bytes[this.#take(1)]!;
        const count = this.varint();
        if ((code === 0) !== (count === 0)) throw damaged('a list has a kind if it has values');
        if (code === kindCodes.list) throw damaged('lists do not nest');
        const values = [];
        for (let i = 0; i < count; i++) values.push(valueOf(this.value(this.#kindOf(code))));
        return { case: kind, value: { $typeName: 'entdb.v1.ListValue', values } };
      }
    }
  }

  #kindOf(code: number): ValueKind {
    const kind = kindNames[code];
    if (kind === undefined) throw damaged(`there is no kind ${code}`);
    return kind;
  }

  #take(bytes: number): number {
    const from = this.#at;
    if (from + bytes > this.#bytes.length) throw damaged('it ends too early');
    this.#at = from + bytes;
    return from;
  }
}
