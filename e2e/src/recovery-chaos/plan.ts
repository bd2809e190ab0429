import type { Seeded } from '../parts/seeded.ts';
import { steps, type Step, type Victim } from './steps.ts';

/** What a round does: a kill at a step, or at a moment of the clock's choosing. */
export type Round =
  | { readonly kind: 'step'; readonly step: Step; readonly times: number }
  | { readonly kind: 'random'; readonly victim: Victim };

/** One round in three is left to chance. The others take the steps in turns, each turn in another order. */
export function planRounds(count: number, random: Seeded): readonly Round[] {
  const rounds: Round[] = [];
  let turn: Step[] = [];
  while (rounds.length < count) {
    if (rounds.length % 3 === 2) {
      rounds.push({ kind: 'random', victim: random.pick(['archiver', 'snapshotter', 'restore']) });
      continue;
    }
    if (turn.length === 0) turn = [...steps];
    const [step] = turn.splice(random.between(0, turn.length), 1);
    if (step)
      rounds.push({ kind: 'step', step, times: random.between(1, (step.timesMax ?? 1) + 1) });
  }
  return rounds;
}
