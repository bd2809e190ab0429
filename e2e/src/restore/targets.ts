import type { RestoreTarget } from '@entdb/snapshot';
import type { Seeded } from '../parts/seeded.ts';
import type { Truth } from './build.ts';

/** One restore, and the record that it must reach; 0 where nothing is before the target. */
export interface Task {
  readonly target: RestoreTarget;
  readonly start: 'best' | 'scratch';
  readonly sequence: number;
}

/** An exclusive target is the inclusive one before it, as soon as it has been read. */
const exclusiveOneOf = 4;

/** Every offset, inclusive: by the shortest way, and without a snapshot. Some of them exclusive, too. */
export function offsetTasks(truths: readonly Truth[]): readonly Task[] {
  return truths.flatMap(({ offset }, i): readonly Task[] => {
    const target = { kind: 'position', offset, inclusive: true } as const;
    const both = [
      { target, start: 'best', sequence: i + 1 },
      { target, start: 'scratch', sequence: i + 1 },
    ] as const;
    if (i % exclusiveOneOf > 0) return both;
    return [...both, { target: { ...target, inclusive: false }, start: 'best', sequence: i }];
  });
}

/** Random times: stamps as they are, a millisecond beside them, and anything from before the first record to after the last. */
export function timeTasks(
  truths: readonly Truth[],
  count: number,
  random: Seeded,
): readonly Task[] {
  const first = truths[0]?.timeMs ?? 0;
  const last = truths.at(-1)?.timeMs ?? 0;
  return Array.from({ length: count }, (): Task => {
    const isNear = random.between(0, 4) > 0;
    const timeMs = isNear
      ? random.pick(truths).timeMs + random.between(-1, 2)
      : random.between(first - 1000, last + 1000);
    const inclusive = random.between(0, 2) === 0;
    const target = { kind: 'time', timeMs, inclusive } as const;
    const start = random.between(0, 2) === 0 ? 'best' : 'scratch';
    return { target, start, sequence: prefixOf(truths, timeMs, inclusive) };
  });
}

/** Records in order, up to the first whose running maximum of stamps is beyond the time. */
function prefixOf(truths: readonly Truth[], timeMs: number, inclusive: boolean): number {
  let sequence = 0;
  for (const truth of truths) {
    if (inclusive ? truth.timeMs > timeMs : truth.timeMs >= timeMs) break;
    sequence += 1;
  }
  return sequence;
}
