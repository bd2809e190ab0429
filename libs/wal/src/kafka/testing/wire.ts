/** Kafka's primitive types, as far as the scripted broker needs them. Reading past the end throws a RangeError. */

export interface WireReader {
  int8(): number;
  int16(): number;
  int32(): number;
  int64(): number;
  /** Zigzag. */
  varint(): number;
  bytes(length: number): Buffer;
  /** Of a length, or null for -1. */
  string(): string | null;
  array<T>(item: () => T): readonly T[];
  readonly remaining: number;
}

export function reader(buffer: Buffer): WireReader {
  let at = 0;
  const take = (length: number) => {
    const from = at;
    at += length;
    return from;
  };
  const wire: WireReader = {
    int8: () => buffer.readInt8(take(1)),
    int16: () => buffer.readInt16BE(take(2)),
    int32: () => buffer.readInt32BE(take(4)),
    int64: () => Number(buffer.readBigInt64BE(take(8))),
    varint: () => {
      let value = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = buffer.readUInt8(take(1));
        value += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) break;
      }
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    },
    bytes: (length) => {
      const from = take(length);
      if (at > buffer.length) throw new RangeError(`${at} is past the end, ${buffer.length}`);
      return buffer.subarray(from, at);
    },
    string: () => {
      const length = wire.int16();
      return length < 0 ? null : wire.bytes(length).toString();
    },
    array: (item) => Array.from({ length: Math.max(0, wire.int32()) }, item),
    get remaining() {
      return buffer.length - at;
    },
  };
  return wire;
}

export const int8 = (value: number) => write(1, (b) => b.writeInt8(value));
export const int16 = (value: number) => write(2, (b) => b.writeInt16BE(value));
export const int32 = (value: number) => write(4, (b) => b.writeInt32BE(value));
export const int64 = (value: number) => write(8, (b) => b.writeBigInt64BE(BigInt(value)));
export const string = (text: string | null) =>
  text === null ? int16(-1) : Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)]);
export const array = (items: readonly Buffer[]) => Buffer.concat([int32(items.length), ...items]);

function write(length: number, fill: (buffer: Buffer) => void): Buffer {
  const buffer = Buffer.alloc(length);
  fill(buffer);
  return buffer;
}
