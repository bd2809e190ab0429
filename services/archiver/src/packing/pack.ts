import { createSegmentBuilder, type ChainLink, type EncodedSegment } from '@entdb/archive-format';
import { isErasure } from '@entdb/contracts';
import { takeRecords, type HandedRecords } from './records.ts';

export interface PackParams {
  readonly link: ChainLink;
  readonly records: HandedRecords;
  /** No further line is begun when there are so many bytes of them. */
  readonly segmentBytes: number;
}

export interface Packed {
  readonly segment: EncodedSegment;
  /** As many of the records as it holds: the first ones. */
  readonly taken: number;
}

/** Lines that are made before the event loop has its turn, at which the packing of those before goes on. */
const linesAtOnce = 50;

/** As many of the records as make a full segment, proven line by line. Runs on a thread: a record costs some ten microseconds. */
export async function pack({ link, records, segmentBytes }: PackParams): Promise<Packed> {
  const builder = createSegmentBuilder(link);
  let alone = false;
  for (const record of takeRecords(records)) {
    if (alone || (builder.records > 0 && builder.lineBytes >= segmentBytes)) break;
    // A record that erases has a segment to itself: whatever holds what was erased can then go as a whole.
    alone = isErasure(link.tenantId, record.value);
    if (alone && builder.records > 0) break;
    if (builder.records % linesAtOnce === linesAtOnce - 1) await new Promise(setImmediate);
    const sequence = link.firstSequence + builder.records;
    builder.add({ ...record, partition: link.partition, sequence });
  }
  const taken = builder.records;
  return { segment: await builder.finish(), taken };
}
