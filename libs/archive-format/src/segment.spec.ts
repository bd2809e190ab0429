import { randomBytes } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { InvariantError } from '@entdb/base';
import * as fc from 'fast-check';
import { firstLink, nextLink, type ChainLink } from './chain.ts';
import type { SegmentChecksum } from './checksum.ts';
import { lineBytesMax, type ArchivedRecord } from './line.ts';
import {
  checkSegmentBytes,
  compareSegments,
  createSegmentBuilder,
  decodeSegment,
  describeSegment,
  encodeSegment,
} from './segment.ts';
import { recordsFrom, tenant } from './testing/arbitrary.ts';
import { plain, recordsOf } from './testing/records.ts';
import { refusal } from './testing/refusal.ts';
import { sampleRecords } from './testing/samples.ts';

const link = firstLink({ tenantId: tenant, topic: 'entdb-wal', partition: 5 });
const first = { sequence: 1, offset: 0, partition: 5 };
const lines = (bytes: Uint8Array) => gunzipSync(bytes).toString('utf8');

/** A segment of these very lines, with a checksum that fits its bytes: what only the lines themselves can give away. */
async function forged(
  text: string | Uint8Array,
  changes: Partial<SegmentChecksum> = {},
): Promise<readonly [Uint8Array, SegmentChecksum]> {
  const bytes = gzipSync(text);
  const { checksum } = await encodeSegment(link, sampleRecords);
  const hash = await crypto.subtle.digest('SHA-256', bytes);
  const sha256 = Buffer.from(hash).toString('hex');
  return [bytes, { ...checksum, bytes: bytes.length, sha256, ...changes }];
}

it('gives back its records, and chains with the next one (property)', () =>
  fc.assert(
    fc.asyncProperty(recordsFrom(first), fc.nat(), async (records, cut) => {
      const at = 1 + (cut % records.length);
      const one = await encodeSegment(link, records.slice(0, at));
      expect(plain(await recordsOf(one.bytes, one.checksum))).toEqual(plain(records.slice(0, at)));
      expect(one.checksum).toMatchObject({ records: at, firstSequence: 1, lastSequence: at });
      if (at === records.length) return;
      const two = await encodeSegment(nextLink(one.checksum), records.slice(at));
      expect(plain(await recordsOf(two.bytes, two.checksum))).toEqual(plain(records.slice(at)));
      const highest = Math.max(...records.map(({ timeMs }) => timeMs));
      expect(two.checksum.lastTimeMs).toBe(highest);
      expect(two.checksum.firstTimeMs).toBe(
        Math.max(...records.slice(0, at + 1).map(({ timeMs }) => timeMs)),
      );
      expect(two.checksum.previous).toEqual({ segment: one.name, sha256: one.checksum.sha256 });
      expect(two.name >= one.name).toBe(true); // folders never step back
    }),
  ));

it('has the same bytes for the same lines, wherever it is made', async () => {
  const [one, two] = [
    await encodeSegment(link, sampleRecords),
    await encodeSegment(link, sampleRecords),
  ];
  expect(Buffer.compare(one.bytes, two.bytes)).toBe(0);
  expect(Buffer.from(one.bytes.subarray(0, 10)).toString('hex')).toBe('1f8b08000000000000ff');
});

it('takes only the record that must come next', () => {
  const [one, two] = [sampleRecords[0]!, sampleRecords[1]!];
  const begun = () => {
    const builder = createSegmentBuilder(link);
    builder.add(one);
    return builder;
  };
  for (const wrong of [
    { ...two, sequence: 3 },
    { ...two, sequence: 1 },
    { ...two, offset: one.offset },
    { ...two, partition: 4 },
  ])
    expect(() => begun().add(wrong)).toThrow(InvariantError);
  expect(() => createSegmentBuilder(link).add(two)).toThrow(InvariantError);
  expect(begun().add(two)).toBe('json');
});

it('says how much it holds, so that the caller can cut', async () => {
  const builder = createSegmentBuilder(link);
  expect([builder.records, builder.lineBytes]).toEqual([0, 0]);
  sampleRecords.forEach((record) => builder.add(record));
  const { bytes } = await builder.finish();
  expect([builder.records, builder.lineBytes]).toEqual([4, gunzipSync(bytes).length]);
  await expect(createSegmentBuilder(link).finish()).rejects.toThrow(InvariantError);
});

describe('a segment whose checksum fits and whose lines do not', () => {
  const whole = encodeSegment(link, sampleRecords).then(({ bytes }) => lines(bytes).split('\n'));
  const swap = (all: readonly string[]) => [all[1], all[0], ...all.slice(2)];

  it.each<readonly [string, (all: readonly string[]) => readonly (string | undefined)[], number]>([
    ['a line is missing', (all) => [all[0], ...all.slice(2)], 2],
    ['a line is there twice', (all) => [all[0], ...all], 2],
    ['two are swapped', swap, 1],
    ['one is empty', (all) => [all[0], '', ...all.slice(1)], 2],
    [
      'the offset does not rise',
      (all) => all.map((line) => line.replace('"offset":13', '"offset":10')),
      2,
    ],
    [
      'the partition changes',
      (all) => all.map((line) => line.replace('5,"offset":16', '6,"offset":16')),
      3,
    ],
    [
      'the sequence has a hole',
      (all) => all.map((line) => line.replace('"sequence":4', '"sequence":5')),
      4,
    ],
  ])('is refused at the line: %s', async (_, change, line) => {
    const segment = await forged(change(await whole).join('\n'));
    const { code, facts } = await refusal(() => recordsOf(...segment));
    expect(code).toBe('SEGMENT_CORRUPT');
    expect(facts.metadata).toEqual({ object: segment[1].segment, line: String(line) });
  });

  it.each<readonly [string, (all: string) => string | Uint8Array]>([
    ['without the last line', (all) => all.slice(0, all.lastIndexOf('\n', all.length - 2) + 1)],
    ['without the last line feed', (all) => all.slice(0, -1)],
    ['with nothing in it', () => ''],
    ['not in UTF-8', (all) => Buffer.concat([Buffer.from(all.slice(0, -3)), Buffer.of(0xff, 10)])],
    ['with a line that is far too long', (all) => ' '.repeat(2 * lineBytesMax) + all],
  ])('is refused: %s', async (_, change) => {
    const segment = await forged(change((await whole).join('\n')));
    const { code, facts } = await refusal(() => recordsOf(...segment));
    expect([code, facts.metadata?.object]).toEqual(['SEGMENT_CORRUPT', segment[1].segment]);
  });

  it.each<readonly [string, Partial<SegmentChecksum>]>([
    ['records', { records: 5 }],
    ['last sequence', { lastSequence: 5 }],
    ['first offset', { firstOffset: 9 }],
    ['last offset', { lastOffset: 20 }],
    ['first time', { firstTimeMs: 1_790_000_000_001 }],
    ['last time', { lastTimeMs: 1_790_000_000_124 }],
    ['first sequence', { firstSequence: 2 }],
    ['partition', { partition: 4 }],
    ['tenant', { tenantId: 'other' }],
    ['size', { bytes: 1 }],
  ])('is refused: another %s', async (_, changes) => {
    const segment = await forged((await whole).join('\n'), changes);
    expect((await refusal(() => recordsOf(...segment))).code).toBe('SEGMENT_CORRUPT');
  });
});

it('hands out nothing of bytes that do not match, and can be left early', async () => {
  const { bytes, checksum } = await encodeSegment(link, sampleRecords);
  const changed = Uint8Array.from(bytes);
  changed[bytes.length - 5] = (changed[bytes.length - 5] ?? 0) ^ 1; // in the trailer, after all lines
  const reading = decodeSegment(changed, checksum);
  expect((await refusal(() => reading.next())).code).toBe('SEGMENT_CORRUPT');
  expect((await refusal(() => checkSegmentBytes(changed, checksum))).code).toBe('SEGMENT_CORRUPT');
  for await (const some of decodeSegment(bytes, checksum)) {
    expect(some.length).toBeGreaterThan(0);
    break;
  }
});

it('comes in pieces, and holds the largest records of the log', async () => {
  const noise = (bytes: number): Uint8Array => randomBytes(bytes);
  const records = Array.from({ length: 900 }, (_, index): ArchivedRecord => ({
    partition: 5,
    offset: index,
    timeMs: 1_790_000_000_000,
    sequence: index + 1,
    value: noise(index % 300 === 7 ? 1_048_588 : 300),
  }));
  const { bytes, checksum } = await encodeSegment(link, records);
  const sizes: number[] = [];
  let sequence = 0;
  for await (const some of decodeSegment(bytes, checksum)) {
    sizes.push(some.length);
    for (const record of some) {
      expect(Buffer.compare(record.value, records[sequence]?.value ?? noise(0))).toBe(0);
      sequence += 1;
    }
  }
  expect(sequence).toBe(records.length);
  expect(sizes.length).toBeGreaterThan(3);
  expect(Math.max(...sizes)).toBeLessThan(350); // 128 KiB of lines
});

describe('a segment without a checksum', () => {
  it('gets the one that it had (property)', () =>
    fc.assert(
      fc.asyncProperty(recordsFrom(first, { minLength: 2 }), async (records) => {
        const one = await encodeSegment(link, records.slice(0, 1));
        const next = nextLink(one.checksum);
        const two = await encodeSegment(next, records.slice(1));
        expect(await describeSegment(two.bytes, two.name, next)).toEqual(two.checksum);
      }),
      { numRuns: 30 },
    ));

  it('gets none where it does not join on, is damaged, or has another name', async () => {
    const { bytes, name, checksum } = await encodeSegment(link, sampleRecords);
    const codes = (at: Uint8Array, as: string, to: ChainLink) =>
      refusal(() => describeSegment(at, as, to)).then(({ code }) => code);
    expect(await codes(bytes, name, nextLink(checksum))).toBe('SEGMENT_CORRUPT');
    expect(await codes(bytes, name.replace('-21', '-22'), link)).toBe('SEGMENT_CORRUPT');
    expect(await codes(bytes.subarray(0, -1), name, link)).toBe('SEGMENT_CORRUPT');
    expect(await codes(new Uint8Array(), name, link)).toBe('SEGMENT_CORRUPT');
    const unended = gzipSync(lines(bytes).slice(0, -1));
    expect(await codes(unended, name, link)).toBe('SEGMENT_CORRUPT');
  });
});

it('is compared by its records, however they were packed', async () => {
  const { bytes: ours, name } = await encodeSegment(link, sampleRecords);
  const compare = (theirs: Uint8Array) => compareSegments(link, name, { ours, theirs });
  expect(await compare(gzipSync(lines(ours), { level: 1 }))).toEqual({ kind: 'same', records: 4 });
  const base64 = `{"partition":5,"offset":10,"time_ms":1790000000000,"sequence":1,"value_base64":"${Buffer.from(sampleRecords[0]!.value).toString('base64')}"}\n`;
  const other = base64 + lines(ours).split('\n').slice(1).join('\n');
  expect(await compare(gzipSync(other))).toEqual({ kind: 'same', records: 4 });
  const shorter = await encodeSegment(link, sampleRecords.slice(0, 3));
  expect(await compare(shorter.bytes)).toEqual({ kind: 'prefix', longer: 'ours', records: 3 });
  expect(await compareSegments(link, name, { ours: shorter.bytes, theirs: ours })).toEqual({
    kind: 'prefix',
    longer: 'theirs',
    records: 3,
  });
  for (const change of [{ offset: 17 }, { timeMs: 1 }, { value: Buffer.from('else') }]) {
    const records = sampleRecords.map((record, at) =>
      at === 2 ? { ...record, ...change } : record,
    );
    const { bytes } = await encodeSegment(link, records);
    expect(await compare(bytes)).toEqual({ kind: 'different', line: 3 });
  }
  expect((await refusal(() => compare(ours.subarray(0, 40)))).code).toBe('SEGMENT_CORRUPT');
});
