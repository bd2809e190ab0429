import { decodeSegment, type ArchivedRecord, type SegmentChecksum } from '@entdb/archive-format';
import { unpackBatch } from '@entdb/tenant-store';
import { createWorkerClient } from '@entdb/threads';
import { oneAhead } from './map-bounded.ts';
import type { PackedRecords, SegmentMethods } from './segment-worker.ts';

/** Gives the records of segments, as `decodeSegment` does. */
export interface SegmentReader {
  /** Begins at once, and goes on as far ahead as one batch of what is taken. To be read to its end, or left. */
  read(bytes: Uint8Array, checksum: SegmentChecksum): AsyncIterable<readonly ArchivedRecord[]>;
  close(): Promise<void>;
}

/** A thread takes about half a second of processor time to start, and saves some 30 us a record. */
const recordsWorthAThread = 20_000;

/** One that suits so many records: here, or on a thread of its own, so that one batch is read while another is applied. */
export function segmentReaderFor(records: number): SegmentReader {
  return records < recordsWorthAThread
    ? { read: decodeSegment, close: async () => undefined }
    : threadedReader();
}

function threadedReader(): SegmentReader {
  const client = createWorkerClient<SegmentMethods>({
    url: new URL('./segment-worker.ts', import.meta.url),
    name: 'the thread that reads segments',
    workerData: undefined,
    lostCode: 'STORE_UNAVAILABLE',
  });
  let lastId = 0;
  return {
    read(bytes, checksum) {
      lastId += 1;
      const id = lastId;
      const first = client.call('begin', { id, bytes, checksum });
      first.catch(() => undefined); // it is awaited below
      async function* batches(): AsyncGenerator<readonly ArchivedRecord[], void> {
        let ended = false;
        try {
          for (let packed = await first; packed; packed = await client.call('next', { id }))
            yield unpack(packed);
          ended = true;
        } finally {
          if (!ended) await client.call('drop', { id }).catch(() => undefined); // the thread may be gone
        }
      }
      return oneAhead(batches());
    },
    close: () => client.close(),
  };
}

const unpack = ({ firstSequence, batch }: PackedRecords): readonly ArchivedRecord[] =>
  unpackBatch(batch).map(({ offset, timeMs, value }, i) => ({
    partition: batch.partition,
    offset,
    timeMs,
    sequence: firstSequence + i,
    value,
  }));
