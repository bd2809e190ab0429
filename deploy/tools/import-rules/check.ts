import { findCycles } from './cycles.ts';
import type { SourceModule } from './module.ts';
import { RULES } from './rules.ts';

export interface Violation {
  readonly rule: string;
  readonly where: string;
  readonly what: string;
  readonly advice: string;
}

const CYCLE_ADVICE = 'Move what both need into a third file below them.';

/** Every breach of every rule, in the order of the rule table. */
export function check(modules: readonly SourceModule[]): readonly Violation[] {
  const broken = RULES.flatMap(({ name, advice, breaches }) =>
    modules.flatMap((module) =>
      breaches(module).map(({ line, what }) => ({
        rule: name,
        where: `${module.path}:${line}`,
        what,
        advice,
      })),
    ),
  );
  const cyclic = findCycles(modules).map((cycle) => ({
    rule: 'cycles',
    where: cycle[0] ?? '',
    what: cycle.join(' -> '),
    advice: CYCLE_ADVICE,
  }));
  return [...broken, ...cyclic];
}
