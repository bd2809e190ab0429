import { InvariantError } from '@entdb/base';
import * as fc from 'fast-check';
import { sealDocument } from './document.ts';
import { encodeErasure, parseErasure, type Erasure } from './erasure.ts';
import { erasureName } from './names.ts';
import { refusal } from './testing/refusal.ts';
import { sampleErasure } from './testing/samples.ts';

const nameOf = ({ tenantId, sequence }: Erasure) => erasureName(tenantId, sequence);
const name = nameOf(sampleErasure);
const parse = (text: string, as = name) => parseErasure(Buffer.from(text), as);
const fields = (() => {
  const { format: _, check: __, ...rest } = JSON.parse(encodeErasure(sampleErasure));
  return rest as Record<string, unknown>;
})();
const codeOf = async (work: () => unknown) => (await refusal(work)).code;

it('is read as it was written (property)', () => {
  const count = fc.nat(Number.MAX_SAFE_INTEGER - 1);
  const erasure = fc
    .record({
      tenantId: fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/),
      topic: fc.constantFrom('entdb-wal', 'grün'),
      partition: count,
      offset: count,
      timeMs: count,
      epoch: fc.option(fc.integer({ min: 1 })),
      back: fc.nat(),
    })
    .map(({ back, ...rest }): Erasure => ({
      ...rest,
      sequence: Math.max(1, rest.offset + 1 - back),
    }));
  fc.assert(
    fc.property(erasure, (made) => {
      expect(parse(encodeErasure(made), nameOf(made))).toEqual(made);
    }),
  );
});

it.each<readonly [string, Partial<Erasure>]>([
  ['it has more records than offsets', { sequence: 31 }],
  ['it has no record', { sequence: 0 }],
  ['its epoch is before the first', { epoch: 0 }],
])('is neither written nor read where %s', async (_, change) => {
  expect(() => encodeErasure({ ...sampleErasure, ...change })).toThrow(InvariantError);
  const text = sealDocument({ ...fields, ...change });
  expect(await codeOf(() => parse(text))).toBe('OBJECT_CORRUPT');
});

it.each(Object.keys(fields))('is refused without %s, or with nonsense there', async (key) => {
  const { [key]: _, ...others } = fields;
  const nonsense = [undefined, -1, 1.5, '\ud800', {}, [], 2 ** 53];
  for (const value of [...nonsense, key === 'epoch' ? 'x' : null]) {
    const text = sealDocument(value === undefined ? others : { ...fields, [key]: value });
    expect(await codeOf(() => parse(text))).toBe('OBJECT_CORRUPT');
  }
});

it('is refused as another tenant’s, another record’s, in another form, or of another time', async () => {
  const text = encodeErasure(sampleErasure);
  expect(await codeOf(() => parse(text, erasureName('other', 7)))).toBe('OBJECT_CORRUPT');
  expect(await codeOf(() => parse(text, erasureName('acme', 8)))).toBe('OBJECT_CORRUPT');
  expect(await codeOf(() => parse(JSON.stringify(JSON.parse(text))))).toBe('OBJECT_CORRUPT');
  expect(await codeOf(() => parse(sealDocument({ ...fields, more: 1 })))).toBe('OBJECT_CORRUPT');
  const renumbered = text.replace('"format": 1', '"format": 2');
  expect(await codeOf(() => parse(renumbered))).toBe('OBJECT_CORRUPT');
  expect(await codeOf(() => parse('{"format":2}'))).toBe('UNKNOWN_FORMAT');
});
