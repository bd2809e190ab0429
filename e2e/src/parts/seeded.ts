import type { Rng } from '@entdb/base';

/** Chance that can be had again: the same seed, the same choices. */
export interface Seeded extends Rng {
  /** A whole number, at least `min` and below `end`. */
  between(min: number, end: number): number;
  pick<T>(of: readonly T[]): T;
}

export function seeded(seed: number): Seeded {
  let state = seed >>> 0;
  /** mulberry32. */
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (min: number, end: number) => min + Math.floor(next() * (end - min));
  return {
    next,
    between,
    bytes: (count) => Uint8Array.from({ length: count }, () => between(0, 256)),
    pick: (of) => {
      const chosen = of[between(0, of.length)];
      if (chosen === undefined) throw new Error('there is nothing to choose from');
      return chosen;
    },
  };
}
