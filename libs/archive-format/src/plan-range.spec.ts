/**
 * Method: a plan is held against the records themselves. Whatever the history, the cuts, what is missing and what is asked for: a settled
 * plan leads through every record wanted; without damage there is no fault; and no segment is read that holds none of them.
 */
import * as fc from 'fast-check';
import { planRange, type RangeTarget } from './plan-range.ts';
import { chainOf, chainOver, type Stand } from './testing/chains.ts';

const history = fc
  .record({
    steps: fc.array(fc.record({ skipped: fc.nat(2), later: fc.integer({ min: -2, max: 3 }) }), {
      minLength: 1,
      maxLength: 14,
    }),
    sizes: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 }),
  })
  .map(({ steps, sizes }) => {
    let offset = -1;
    let timeMs = 1_790_000_000_000;
    const stands = steps.map(({ skipped, later }, index): Stand => {
      offset += 1 + skipped;
      timeMs += later; // log times may step back
      return { sequence: index + 1, offset, timeMs };
    });
    return { stands, chain: chainOver(stands, sizes) };
  });

const target: fc.Arbitrary<RangeTarget> = fc.oneof(
  fc.constant<RangeTarget>({ kind: 'latest' }),
  fc.nat(16).map((sequence): RangeTarget => ({ kind: 'sequence', sequence })),
  fc.nat(45).map((offset): RangeTarget => ({ kind: 'offset', offset })),
  fc
    .integer({ min: -30, max: 45 })
    .map((ms): RangeTarget => ({ kind: 'time', timeMs: 1_790_000_000_000 + ms })),
);

/** The records up to the target, by the words of the design: times by their running maximum. */
function upTo(stands: readonly Stand[], wanted: RangeTarget): readonly Stand[] {
  let latest = 0;
  return stands.filter(({ sequence, offset, timeMs }) => {
    latest = Math.max(latest, timeMs);
    switch (wanted.kind) {
      case 'latest':
        return true;
      case 'sequence':
        return sequence <= wanted.sequence;
      case 'offset':
        return offset <= wanted.offset;
      case 'time':
        return latest <= wanted.timeMs;
    }
  });
}

it('leads through every record wanted, and through no segment without one (property)', () => {
  fc.assert(
    fc.property(
      history,
      fc.integer({ min: 1, max: 16 }),
      target,
      ({ stands, chain }, from, wanted) => {
        const archived = stands.filter(
          ({ sequence }) => sequence <= (chain.at(-1)?.lastSequence ?? 0),
        );
        const sequences = upTo(archived, wanted)
          .map(({ sequence }) => sequence)
          .filter((sequence) => sequence >= from);
        const plan = planRange([...chain].reverse(), from, wanted);
        const needed = chain.filter(({ firstSequence, lastSequence }) =>
          sequences.some((sequence) => sequence >= firstSequence && sequence <= lastSequence),
        );
        // That the target lies before the first record wanted, but in its segment, cannot be told by a checksum.
        const within = chain.filter((s) => s.firstSequence < from && from <= s.lastSequence);
        expect(plan.fault).toBeUndefined();
        expect([needed, within]).toContainEqual(plan.segments);
        expect(plan.bytes).toBe(100 * plan.segments.length);
        const later = archived.filter((stand) => stand.sequence >= from).length > sequences.length;
        if (later) expect(plan.settled).toBe(true);
        if (plan.settled)
          expect(upTo(stands, wanted).filter((s) => s.sequence >= from).length).toBe(
            sequences.length,
          );
      },
    ),
    { numRuns: 1_000 },
  );
});

it('is never settled over a hole (property)', () => {
  fc.assert(
    fc.property(
      history,
      fc.array(fc.nat(7)),
      fc.integer({ min: 1, max: 16 }),
      target,
      ({ stands, chain }, lost, from, wanted) => {
        const left = chain.filter((_, index) => !lost.includes(index));
        const plan = planRange(left, from, wanted);
        const found = (sequence: number) =>
          plan.segments.some((s) => sequence >= s.firstSequence && sequence <= s.lastSequence);
        const missing = upTo(stands, wanted).filter(
          (s) => s.sequence >= from && !found(s.sequence),
        );
        if (plan.settled) expect(missing).toEqual([]);
        if (plan.fault) {
          expect(plan.fault.kind).toBe('gap');
          // It is named by the first record that the archive does not give.
          expect(found(plan.fault.sequence)).toBe(false);
          expect(plan.segments.at(-1)?.lastSequence ?? from - 1).toBeLessThan(plan.fault.sequence);
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

const at = (chain: ReturnType<typeof chainOf>, ...indices: readonly number[]) =>
  indices.map((index) => chain[index]!);

describe('of four segments of two records', () => {
  const chain = chainOf([2, 2, 2, 2]); // sequences 1-2, 3-4, 5-6, 7-8
  const [first, second, third, fourth] = [...chain] as [
    (typeof chain)[0],
    (typeof chain)[0],
    (typeof chain)[0],
    (typeof chain)[0],
  ];

  it('ends with the last record wanted, exactly', () => {
    const plan = (wanted: RangeTarget) => planRange(chain, 3, wanted);
    expect(plan({ kind: 'sequence', sequence: 4 })).toMatchObject({
      segments: [second],
      settled: true,
    });
    expect(plan({ kind: 'sequence', sequence: 5 })).toMatchObject({ segments: [second, third] });
    expect(plan({ kind: 'sequence', sequence: 2 })).toMatchObject({ segments: [], settled: true });
    expect(plan({ kind: 'sequence', sequence: 8 }).settled).toBe(true);
    expect(plan({ kind: 'sequence', sequence: 9 })).toMatchObject({
      segments: [second, third, fourth],
      settled: false,
    });
    expect(plan({ kind: 'offset', offset: second.lastOffset }).segments).toEqual([second]);
    expect(plan({ kind: 'offset', offset: third.firstOffset - 1 }).segments).toEqual([second]);
    expect(plan({ kind: 'offset', offset: third.firstOffset }).segments).toEqual([second, third]);
    expect(plan({ kind: 'time', timeMs: third.firstTimeMs - 1 }).segments).toEqual([second]);
    expect(plan({ kind: 'time', timeMs: third.firstTimeMs }).segments).toEqual([second, third]);
    expect(plan({ kind: 'time', timeMs: fourth.lastTimeMs - 1 }).settled).toBe(true);
    expect(plan({ kind: 'time', timeMs: fourth.lastTimeMs }).settled).toBe(false); // more may come in this millisecond
    expect(plan({ kind: 'latest' })).toMatchObject({
      segments: [second, third, fourth],
      settled: false,
    });
    expect(planRange([], 1, { kind: 'latest' })).toMatchObject({ segments: [], settled: false });
  });

  it('is not disturbed by damage that is not on its way', () => {
    const broken = { ...fourth, previous: { segment: third.segment, sha256: '0'.repeat(64) } };
    const wanted = { kind: 'sequence', sequence: 6 } as const;
    expect(planRange([second, third, broken], 4, wanted)).toMatchObject({ settled: true });
    expect(planRange([third, broken], 5, wanted)).toMatchObject({
      segments: [third],
      settled: true,
    });
    const through = planRange([second, third, broken], 4, { kind: 'sequence', sequence: 7 });
    expect(through).toMatchObject({
      segments: [second, third],
      settled: false,
      fault: { kind: 'link' },
    });
  });

  it('takes a hole for one where records of the target may lie in it', () => {
    const beforeHole = { kind: 'time', timeMs: second.lastTimeMs } as const;
    expect(planRange(at(chain, 0, 1, 3), 1, beforeHole)).toMatchObject({
      settled: false,
      fault: { kind: 'gap', sequence: 5 },
    });
    expect(
      planRange(at(chain, 0, 1, 3), 1, { kind: 'sequence', sequence: 4 }).fault,
    ).toBeUndefined();
    expect(planRange(at(chain, 1, 2), 1, { kind: 'latest' })).toMatchObject({
      segments: [],
      fault: { kind: 'gap', sequence: 1, after: undefined, segment: second.segment },
    });
    expect(first.firstSequence).toBe(1);
  });
});
