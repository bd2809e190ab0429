import { basesFor } from './bases.ts';
import { cutOf, refusedAtOnce } from './cut.ts';
import { pathFrom, placeOf, type History } from './history.ts';
import type { Planning, PlanOptions } from './plan.ts';
import { isWithin } from './limit.ts';
import { beforeEverything, erasedAfter, refused } from './refusal.ts';
import { describeTarget, type RestoreTarget } from './target.ts';
import { planWay } from './way.ts';

/** Pure: the same history and target give the same answer. */
export function planRestore(
  history: History,
  target: RestoreTarget,
  options: PlanOptions,
): Planning {
  const place = placeOf(history) ?? options.log;
  if (!place || (!placeOf(history) && options.log?.startOffset !== 0))
    return refused(
      'NOTHING_ARCHIVED',
      `the object store holds nothing of tenant ${history.tenantId}`,
      'check the tenant id, the bucket and its prefix',
    );
  const cut = cutOf(history, target, options);
  if (cut.kind !== 'cut') return cut;
  const early = refusedAtOnce(history, target, cut.limit, options);
  if (early) return early;
  const erased = history.erasures.at(-1);
  if (erased && !isWithin(cut.limit, erased.at))
    return erasedAfter(history, place, erased, `${describeTarget(target)} lies`);

  const bases = basesFor(history, cut, options);
  if (bases.kind === 'refused') return bases;
  let first: Planning | undefined;
  for (const base of bases.bases) {
    const path = pathFrom(history, base.at, cut.limit);
    const planning = planWay({ history, place, target, cut, base, path, options });
    if (planning.kind === 'plan') return planning;
    // The newest base has the shortest way, and so its trouble is the nearest to the target.
    first ??= planning;
  }
  return first ?? beforeEverything(history, target);
}
