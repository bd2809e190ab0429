import { parentPort } from 'node:worker_threads';
import { decodeSegment, type ArchivedRecord, type SegmentChecksum } from '@entdb/archive-format';
import { invariant } from '@entdb/base';
import { packBatch, transferOf, type PackedBatch } from '@entdb/tenant-store';
import { Handover, serveCalls } from '@entdb/threads';

/** Unpacks segments and reads their lines: the dearest part of a replay beside applying. */

export interface SegmentMethods {
  /** The first records of a segment. */
  begin(params: {
    readonly id: number;
    readonly bytes: Uint8Array;
    readonly checksum: SegmentChecksum;
  }): PackedRecords | undefined;
  /** The next of them; undefined after the last. */
  next(params: { readonly id: number }): PackedRecords | undefined;
  /** Lets go of a segment that is not read to its end. */
  drop(params: { readonly id: number }): void;
}

export interface PackedRecords {
  readonly firstSequence: number;
  readonly batch: PackedBatch;
}

/** Of one message. Larger ones are hardly faster, and outlive the collector's first look at them: four times as many took 200 MiB more. */
const recordsMax = 250;
const bytesMax = 256 * 1024;

invariant(parentPort, 'segment-worker runs in a worker thread');
const readings = new Map<number, AsyncGenerator<readonly ArchivedRecord[], void>>();

async function answer(id: number): Promise<Handover<PackedRecords | undefined>> {
  const reading = readings.get(id);
  const step = await reading?.next();
  if (!step || step.done === true) {
    readings.delete(id);
    return new Handover(undefined, []);
  }
  const records = step.value;
  const { sequence, partition } = records[0]!;
  // One tenant's and one topic's: the caller knows both.
  const placed = records.map(({ offset, timeMs, value }) => ({ key: '', offset, timeMs, value }));
  const batch = packBatch('', partition, placed);
  return new Handover({ firstSequence: sequence, batch }, transferOf(batch));
}

/** Fewer batches: each becomes a message, and a transaction. */
async function* gather(
  batches: AsyncIterable<readonly ArchivedRecord[]>,
): AsyncGenerator<readonly ArchivedRecord[], void> {
  let records: ArchivedRecord[] = [];
  let bytes = 0;
  for await (const batch of batches) {
    records.push(...batch);
    for (const { value } of batch) bytes += value.byteLength;
    if (records.length < recordsMax && bytes < bytesMax) continue;
    yield records;
    records = [];
    bytes = 0;
  }
  if (records.length > 0) yield records;
}

serveCalls<SegmentMethods>(
  parentPort,
  {
    begin: async ({ id, bytes, checksum }) => {
      readings.set(id, gather(decodeSegment(bytes, checksum)));
      return answer(id);
    },
    next: ({ id }) => answer(id),
    drop: async ({ id }) => {
      await readings.get(id)?.return();
      readings.delete(id);
    },
  },
  () => undefined,
);
