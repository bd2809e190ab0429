/** The reader on a thread of its own gives what the one without gives: records, batches of any size, and errors. */
import { encodeSegment, firstLink, type EncodedSegment } from '@entdb/archive-format';
import { toError } from '@entdb/base';
import * as fc from 'fast-check';
import { segmentReaderFor, type SegmentReader } from './segment-reader.ts';
import { place, randomLog, tenantId } from './testing/records.ts';

const seed = Number(process.env['ENTDB_TEST_SEED'] ?? 20_261_123);
let here: SegmentReader;
let threaded: SegmentReader;
beforeAll(() => {
  here = segmentReaderFor(1);
  threaded = segmentReaderFor(1_000_000);
});
afterAll(async () => {
  await threaded.close();
});

const segmentOf = (count: number): Promise<EncodedSegment> =>
  encodeSegment(
    firstLink({ tenantId, ...place }),
    randomLog(count, seed).map(({ offset, timeMs, value }, i) => ({
      partition: place.partition,
      offset,
      timeMs,
      sequence: i + 1,
      value,
    })),
  );

/** Everything that is given, as text, and the error that ends it. */
async function readAll(reader: SegmentReader, { bytes, checksum }: EncodedSegment) {
  const lines: string[] = [];
  try {
    for await (const batch of reader.read(bytes, checksum))
      for (const { value, ...place } of batch)
        lines.push(`${JSON.stringify(place)} ${Buffer.from(value).toString('hex')}`);
    return { lines, error: undefined };
  } catch (thrown) {
    const { message, name } = toError(thrown);
    return { lines, error: { message, name, facts: (thrown as { facts?: unknown }).facts } };
  }
}

it('gives the same records', async () => {
  const segment = await segmentOf(3_500);
  const expected = await readAll(here, segment);
  expect(expected.lines).toHaveLength(3_500);
  expect(await readAll(threaded, segment)).toEqual(expected);
});

it('names the same damage', async () => {
  const segment = await segmentOf(40);
  const damaged = fc.integer({ min: 0, max: segment.bytes.byteLength - 1 }).map((at) => {
    const bytes = Uint8Array.from(segment.bytes);
    bytes[at]! ^= 1;
    return { ...segment, bytes };
  });
  await fc.assert(
    fc.asyncProperty(damaged, async (other) => {
      const expected = await readAll(here, other);
      expect(expected.error?.message).toContain('checksum');
      expect(await readAll(threaded, other)).toEqual(expected);
    }),
    { seed, numRuns: 20 },
  );
  const { checksum } = segment;
  const miscounted = { ...segment, checksum: { ...checksum, records: checksum.records + 1 } };
  const expected = await readAll(here, miscounted);
  expect(expected.error?.message).toContain('records');
  expect((await readAll(threaded, miscounted)).error).toEqual(expected.error);
});

it('may be left in the middle, with segments begun ahead, and reads on', async () => {
  const long = await segmentOf(3_500);
  const broken = { ...long, bytes: long.bytes.subarray(1) };
  threaded.read(broken.bytes, broken.checksum); // begun, never read
  for await (const batch of threaded.read(long.bytes, long.checksum)) {
    expect(batch.length).toBeLessThan(3_500);
    break;
  }
  expect((await readAll(threaded, long)).lines).toHaveLength(3_500);
});

it('ends with what is under way', async () => {
  const segment = await segmentOf(3_500);
  const reader = segmentReaderFor(1_000_000);
  const reading = reader.read(segment.bytes, segment.checksum)[Symbol.asyncIterator]();
  await reading.next();
  await reader.close();
  expect(await readAll(reader, segment)).toMatchObject({ error: { name: 'EntError' } });
});
