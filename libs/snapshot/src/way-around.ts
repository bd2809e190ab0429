import { EntError } from '@entdb/base';
import { isDamage, type Damage } from './damage.ts';
import type { Planning, RestorePlan } from './plan.ts';
import type { PlanRequest } from './planning.ts';
import { refusalError } from './refusal.ts';

type Asked = Pick<PlanRequest, 'from' | 'target' | 'log' | 'tenantId'>;

/** What went wrong on a plan's way, if it is an object that another way may lead around. */
export function damageOnWay(plan: RestorePlan, asked: Asked, error: unknown): Damage | undefined {
  return damageOfBase(plan, asked, error) ?? damageOfSegment(plan, asked, error);
}

/** The damage of the plan's snapshot, where the way may lead around it. */
function damageOfBase(
  { base }: RestorePlan,
  { from, target }: Asked,
  error: unknown,
): Damage | undefined {
  const isChoice = (from === undefined || from.kind === 'best') && target.kind !== 'snapshot';
  if (!isChoice || base.kind !== 'snapshot' || !isDamage(error)) return undefined;
  const object = error.facts.metadata?.object ?? '';
  const isOfBase =
    error.code === 'SNAPSHOT_CORRUPT' ||
    object.includes(base.id) ||
    error.message.includes(base.id);
  if (!isOfBase) return undefined;
  return { object: base.id, code: error.code, reason: error.message };
}

/** The damage of a segment, where the log may still have its records. */
function damageOfSegment(
  { segments }: RestorePlan,
  { log }: Asked,
  error: unknown,
): Damage | undefined {
  if (!log || !isDamage(error)) return undefined;
  const object = error.facts.metadata?.object;
  // The store names what is not there in the message alone.
  const found = segments.find(
    ({ segment }) => segment === object || error.message.includes(segment),
  );
  if (!found) return undefined;
  const { segment, firstSequence } = found;
  return { object: segment, code: error.code, reason: error.message, firstSequence };
}

/** Why there is no plan, or none any more. */
export function unplanned(
  { tenantId }: Asked,
  planning: Exclude<Planning, { readonly kind: 'plan' }>,
  passedOver: readonly Damage[],
): EntError {
  if (planning.kind === 'scan')
    return new EntError('INTERNAL', 'a key was looked for and the plan was not made', { tenantId });
  const first = passedOver[0];
  // Without the damage there would have been a way: that is what must be mended.
  if (first)
    return new EntError(
      first.code,
      `${first.reason}; and there is no way around it: ${planning.refusal.message}`,
      {
        tenantId,
        metadata: { object: first.object },
        hint: planning.refusal.hint,
      },
    );
  return refusalError(tenantId, planning.refusal);
}
