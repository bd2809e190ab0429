import { InvariantError } from '@entdb/base';
import * as fc from 'fast-check';
import { encodeChecksum, parseChecksum, type SegmentChecksum } from './checksum.ts';
import { sealDocument } from './document.ts';
import { checksumNameOf } from './names.ts';
import { chainOf } from './testing/chains.ts';
import { refusal } from './testing/refusal.ts';
import { sampleChecksum } from './testing/samples.ts';

const name = checksumNameOf(sampleChecksum.segment);
const parse = (text: string) => parseChecksum(Buffer.from(text), name);
const fieldsOf = (checksum: SegmentChecksum) => {
  const { format: _, check: __, ...fields } = JSON.parse(encodeChecksum(checksum));
  return fields as Record<string, unknown>;
};

it('is read as it was written (property)', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sizes) => {
      for (const checksum of chainOf(sizes)) {
        const bytes = Buffer.from(encodeChecksum(checksum));
        expect(parseChecksum(bytes, checksumNameOf(checksum.segment))).toEqual(checksum);
      }
    }),
  );
});

const wrong: Readonly<Record<string, Partial<SegmentChecksum>>> = {
  'its segment is another tenant’s': { tenantId: 'other' },
  'its segment begins elsewhere': { firstSequence: 4, records: 4 },
  'its segment is of another day': { firstTimeMs: 1 },
  'its count does not fit': { records: 2 },
  'it has no record': { records: 0, lastSequence: 4 },
  'it has fewer offsets than records': { lastOffset: 21 },
  'its time runs backwards': { lastTimeMs: 1_790_000_000_122 },
  'it is the first, and is not': { previous: null },
  'it follows itself': { previous: { segment: sampleChecksum.segment, sha256: '0'.repeat(64) } },
  'it follows no segment': { previous: { segment: name, sha256: '0'.repeat(64) } },
};

it.each(Object.entries(wrong))('is neither written nor read where %s', async (_, change) => {
  expect(() => encodeChecksum({ ...sampleChecksum, ...change })).toThrow(InvariantError);
  const fields = fieldsOf(sampleChecksum);
  for (const [key, value] of Object.entries(change)) {
    fields[key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = value;
  }
  const { code, facts } = await refusal(() => parse(sealDocument(fields)));
  expect([code, facts.metadata]).toEqual(['SEGMENT_CORRUPT', { object: name }]);
});

it.each(Object.keys(fieldsOf(sampleChecksum)))(
  'is refused without %s, or with nonsense there',
  async (key) => {
    const { [key]: _, ...others } = fieldsOf(sampleChecksum);
    const nonsense = [undefined, -1, 1.5, '', '\ud800', {}, [], 2 ** 53, true];
    for (const value of nonsense) {
      const text = sealDocument(
        value === undefined ? others : { ...fieldsOf(sampleChecksum), [key]: value },
      );
      expect((await refusal(() => parse(text))).code).toBe('SEGMENT_CORRUPT');
    }
  },
);

it('is refused in another form, under another name, with more in it', async () => {
  const text = encodeChecksum(sampleChecksum);
  const compact = JSON.stringify(JSON.parse(text));
  const { topic, ...fields } = fieldsOf(sampleChecksum);
  const texts = [
    compact,
    ` ${text}`,
    `\uFEFF${text}`,
    sealDocument({ ...fields, topic }), // another order
    sealDocument({ ...fields, topic, more: 1 }),
    'x'.repeat(70_000),
  ];
  for (const other of texts)
    expect((await refusal(() => parse(other))).code).toBe('SEGMENT_CORRUPT');
  const elsewhere = name.replace('0005', '0006');
  const found = await refusal(() => parseChecksum(Buffer.from(text), elsewhere));
  expect(found.code).toBe('SEGMENT_CORRUPT');
  expect(() => parseChecksum(Buffer.from(text), sampleChecksum.segment)).toThrow(InvariantError);
});

it('of a newer format is not called damaged', async () => {
  for (const later of ['{"format":2}', '{"format":2,"check":"?"}', '{"format":2,"sums":[]}']) {
    const { code, facts } = await refusal(() => parse(later));
    expect([code, facts.metadata?.object]).toEqual(['UNKNOWN_FORMAT', name]);
  }
  const text = encodeChecksum(sampleChecksum);
  const flipped = await refusal(() => parse(text.replace('"format": 1', '"format": 3')));
  expect(flipped.code).toBe('SEGMENT_CORRUPT'); // the rest says that it is of format 1
});
