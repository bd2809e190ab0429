import * as fc from 'fast-check';
import { cutEarly, dueBecause, type CutReason, type Waiting } from './roll-policy.ts';

const limits = { segmentBytes: 100, ageMsMax: 60, idleMs: 10 };
const waiting = (changes: Partial<Waiting> = {}): Waiting => ({
  bytes: 50,
  records: 2,
  firstAtMs: 1_000,
  lastAtMs: 1_055,
  ...changes,
});

describe('a segment is due', () => {
  it.each<[string, Waiting, number, CutReason | undefined]>([
    ['never while nothing waits', waiting({ records: 0, bytes: 0 }), 9_999, undefined],
    ['not before any limit is reached', waiting(), 1_059, undefined],
    ['by age, at the limit', waiting(), 1_060, 'age'],
    ['by idleness, at the limit', waiting({ lastAtMs: 1_000 }), 1_010, 'idle'],
    ['not one moment before', waiting({ lastAtMs: 1_000 }), 1_009, undefined],
    ['by bytes, at the limit', waiting({ bytes: 100 }), 1_056, 'bytes'],
    ['not one byte below', waiting({ bytes: 99 }), 1_056, undefined],
    ['by bytes before all else', waiting({ bytes: 100 }), 9_999, 'bytes'],
  ])('%s', (_name, buffer, nowMs, reason) => {
    expect(dueBecause(buffer, limits, nowMs)).toBe(reason);
  });

  it('at the latest at its age, whatever comes meanwhile', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.nat(1_000), fc.nat(99), (gap, later, bytes) => {
        const buffer = waiting({ firstAtMs: 0, lastAtMs: gap, bytes });
        const nowMs = gap + later;
        const due = dueBecause(buffer, limits, nowMs) !== undefined;
        expect(due).toBe(nowMs >= limits.ageMsMax || later >= limits.idleMs);
      }),
    );
  });
});

describe('when memory is short', () => {
  const candidates = [
    { tenant: 'small', waiting: waiting({ bytes: 5 }) },
    { tenant: 'none', waiting: waiting({ bytes: 0, records: 0 }) },
    { tenant: 'young', waiting: waiting({ bytes: 40, firstAtMs: 2_000 }) },
    { tenant: 'old', waiting: waiting({ bytes: 40, firstAtMs: 1_000 }) },
    { tenant: 'large', waiting: waiting({ bytes: 90 }) },
  ];

  it.each<[number, readonly string[]]>([
    [0, []],
    [1, ['large']],
    [90, ['large']],
    [91, ['large', 'old']],
    [131, ['large', 'old', 'young']],
    [9_999, ['large', 'old', 'young', 'small']],
  ])('for %d bytes', (wanted, tenants) => {
    expect(cutEarly(candidates, wanted)).toEqual(tenants);
  });
});
