import * as fc from 'fast-check';
import { backoffMs } from './backoff.ts';

const rng = (next: number) => ({
  next: () => next,
  bytes: (count: number) => new Uint8Array(count),
});

describe('the time before another try', () => {
  it('doubles, up to its bound; between half and all of it by chance', () => {
    const at = (attempt: number, next: number) =>
      backoffMs(attempt, { initialMs: 100, maxMs: 1000, rng: rng(next) });
    expect([0, 1, 2, 3, 4, 99].map((attempt) => at(attempt, 0))).toEqual([
      50, 100, 200, 400, 500, 500,
    ]);
    expect([0, 1, 2, 3, 4, 99].map((attempt) => at(attempt, 0.999))).toEqual([
      100, 200, 400, 800, 1000, 1000,
    ]);
  });

  it('is a whole number of milliseconds within its bounds, for any attempt', () => {
    const options = fc.record({
      attempt: fc.nat(),
      initialMs: fc.integer({ min: 1, max: 10_000 }),
      maxMs: fc.integer({ min: 1, max: 600_000 }),
      next: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    });
    fc.assert(
      fc.property(options, ({ attempt, initialMs, maxMs, next }) => {
        const ms = backoffMs(attempt, { initialMs, maxMs, rng: rng(next) });
        expect(Number.isInteger(ms)).toBe(true);
        expect(ms).toBeLessThanOrEqual(maxMs);
        expect(ms).toBeGreaterThanOrEqual(Math.min(initialMs, maxMs) / 2);
      }),
    );
  });
});
