import { reader } from './wire.ts';

/** A record batch (magic 2) as a producer sends it. */
export interface RecordBatch {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  /** The records' values, as text. */
  readonly values: readonly string[];
}

export function parseRecordBatch(buffer: Buffer): RecordBatch {
  const wire = reader(buffer);
  wire.bytes(8 + 4 + 4); // first offset, length, leader epoch
  const magic = wire.int8();
  if (magic !== 2) throw new Error(`magic ${magic} is not expected`);
  wire.bytes(4 + 2 + 4 + 8 + 8); // checksum, attributes, last offset delta, first and last time
  const producerId = wire.int64();
  const producerEpoch = wire.int16();
  const firstSequence = wire.int32();
  const values = wire.array(() => {
    const record = reader(wire.bytes(wire.varint()));
    record.int8(); // attributes
    record.varint(); // time delta
    record.varint(); // offset delta
    record.bytes(Math.max(0, record.varint())); // key
    return record.bytes(Math.max(0, record.varint())).toString();
  });
  return { producerId, producerEpoch, firstSequence, values };
}
