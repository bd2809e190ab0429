import type { RecordBatch } from './record-batch.ts';

/** Kafka's error codes. */
export const errors = {
  none: 0,
  notLeader: 6,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  outOfOrderSequence: 45,
} as const;

export interface AppendResult {
  readonly errorCode: number;
  readonly baseOffset: number;
}

/** A partition's records, as all replicas have them, and what the broker remembers of its producers. */
export interface PartitionLog {
  /** The values, by offset. */
  readonly values: readonly string[];
  /** Those who wrote, in order of their first batch; -1 is a producer without idempotence. */
  readonly producerIds: readonly number[];
  append(batch: RecordBatch): AppendResult;
}

const rememberedBatches = 5;

interface WrittenBatch {
  readonly epoch: number;
  readonly first: number;
  readonly last: number;
  readonly baseOffset: number;
}

/**
 * Applies the broker's own rule (ProducerStateEntry.findDuplicateBatch, ProducerAppendInfo.checkSequence of apache/kafka 3.9):
 * the same epoch, first and last sequence as one of the last five batches is a repeat, answered as a success with the OLD
 * offset, whatever the records say; any other sequence than the next one is refused.
 */
export function createPartitionLog(): PartitionLog {
  const values: string[] = [];
  const producers = new Map<number, readonly WrittenBatch[]>();

  const write = (batch: RecordBatch): AppendResult => {
    const baseOffset = values.length;
    values.push(...batch.values);
    return { errorCode: errors.none, baseOffset };
  };

  return {
    values,
    get producerIds() {
      return [...producers.keys()];
    },
    append: (batch) => {
      const { producerId, producerEpoch: epoch, firstSequence: first } = batch;
      const last = first + batch.values.length - 1;
      const written = producers.get(producerId) ?? [];
      if (producerId === -1) {
        producers.set(-1, []);
        return write(batch);
      }
      const repeat = written.find((w) => w.epoch === epoch && w.first === first && w.last === last);
      if (repeat) return { errorCode: errors.none, baseOffset: repeat.baseOffset };
      const expected = (written.at(-1)?.last ?? first - 1) + 1;
      if (first !== expected) return { errorCode: errors.outOfOrderSequence, baseOffset: -1 };
      const result = write(batch);
      const batches = [...written, { epoch, first, last, baseOffset: result.baseOffset }];
      producers.set(producerId, batches.slice(-rememberedBatches));
      return result;
    },
  };
}
