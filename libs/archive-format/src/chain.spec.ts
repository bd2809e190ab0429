import * as fc from 'fast-check';
import { firstLink, inspectChain, nextLink, type ChainFault } from './chain.ts';
import type { SegmentChecksum } from './checksum.ts';
import { chainOf } from './testing/chains.ts';

const lengths = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 3, maxLength: 8 });

it('is whole as it was made, also without its head (property)', () => {
  fc.assert(
    fc.property(lengths, fc.nat(), (sizes, cut) => {
      const chain = chainOf(sizes);
      const kept = chain.slice(cut % chain.length);
      expect(inspectChain(kept)).toEqual({ whole: kept, fault: undefined });
    }),
  );
  expect(inspectChain([])).toEqual({ whole: [], fault: undefined });
});

type Damage = (chain: readonly SegmentChecksum[], at: number) => readonly SegmentChecksum[];
const changed =
  (change: (checksum: SegmentChecksum) => Partial<SegmentChecksum>): Damage =>
  (chain, at) =>
    chain.map((checksum, index) =>
      index === at ? { ...checksum, ...change(checksum) } : checksum,
    );

const damages: Readonly<Record<string, readonly [ChainFault['kind'], Damage]>> = {
  'a segment is missing': ['gap', (chain, at) => chain.toSpliced(at, 1)],
  'a segment is there twice': ['overlap', (chain, at) => chain.toSpliced(at, 0, chain[at - 1]!)],
  'a segment begins too early': [
    'overlap',
    changed(({ firstSequence }) => ({ firstSequence: firstSequence - 1 })),
  ],
  'another segment is named': [
    'link',
    changed(({ previous }) => ({ previous: { ...previous!, segment: 'archive/acme/x' } })),
  ],
  'none is named': ['link', changed(() => ({ previous: null }))],
  'another hash is named': [
    'link',
    changed(({ previous }) => ({ previous: { ...previous!, sha256: '0'.repeat(64) } })),
  ],
  'offsets step back': ['order', changed(() => ({ firstOffset: 0 }))],
  'times step back': ['order', changed(() => ({ firstTimeMs: 0 }))],
  'another tenant': ['stranger', changed(() => ({ tenantId: 'other' }))],
  'another topic': ['stranger', changed(() => ({ topic: 'other' }))],
  'another partition': ['stranger', changed(() => ({ partition: 9 }))],
};

it.each(Object.entries(damages))(
  'names the first bad place: %s (property)',
  (_, [kind, damage]) => {
    fc.assert(
      fc.property(lengths, fc.nat(), (sizes, where) => {
        const chain = chainOf(sizes);
        const at = 1 + (where % (chain.length - 2)); // neither the first nor the last
        const damagedChain = damage(chain, at);
        const { whole, fault } = inspectChain(damagedChain);
        expect(whole).toEqual(chain.slice(0, at));
        expect(fault).toMatchObject({
          kind,
          segment: damagedChain[at]?.segment,
          after: chain[at - 1]?.segment,
          sequence: chain[at]?.firstSequence,
        });
      }),
    );
  },
);

it('is joined on where the last segment ends', () => {
  const last = chainOf([2, 3]).at(-1)!;
  expect(nextLink(last)).toEqual({
    tenantId: last.tenantId,
    topic: last.topic,
    partition: last.partition,
    firstSequence: 6,
    offsetMin: last.lastOffset + 1,
    timeMsMin: last.lastTimeMs,
    previous: { segment: last.segment, sha256: last.sha256 },
  });
  const tenant = { tenantId: 'a', topic: 't', partition: 0 };
  expect(firstLink(tenant)).toMatchObject({ firstSequence: 1, previous: null });
});
