import { hash } from 'node:crypto';
import { EntError } from '@entdb/base';

/** How many of all: a number, or a share of them. */
export type SampleSize =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'percent'; readonly percent: number };

/** `5`, `2%` or `0.5%`. Throws INVALID_ARGUMENT. */
export function parseSample(text: string): SampleSize {
  const [, digits = '', share] = /^(\d{1,7}(?:\.\d{1,3})?)(%)?$/.exec(text) ?? [];
  const value = digits === '' ? NaN : Number(digits);
  if (share !== undefined && value > 0 && value <= 100) return { kind: 'percent', percent: value };
  if (share === undefined && value >= 1 && Number.isInteger(value))
    return { kind: 'count', count: value };
  throw new EntError('INVALID_ARGUMENT', `${JSON.stringify(text)} is no size of a sample`, {
    field: 'sample',
    hint: 'write a number of tenants such as 5, or a share such as 2%',
  });
}

/**
 * Pure: the same seed draws the same tenants, whatever the order in which they are given; another seed draws others. A share is rounded up, so it is never nobody.
 * A tenant that comes or goes changes the draw by itself alone.
 */
export function drawSample(
  tenantIds: readonly string[],
  size: SampleSize,
  seed: string,
): readonly string[] {
  const wanted =
    size.kind === 'count' ? size.count : Math.ceil((tenantIds.length * size.percent) / 100);
  return tenantIds
    .map((tenantId) => ({ tenantId, lot: hash('sha256', `${seed}\0${tenantId}`) }))
    .toSorted((a, b) => (a.lot < b.lot ? -1 : 1))
    .slice(0, wanted)
    .map(({ tenantId }) => tenantId)
    .toSorted();
}

/** The seed of a day, in UTC: a schedule that runs once a day draws others every day, and one day can be drawn again. */
export const seedOfDay = (nowMs: number): string => new Date(nowMs).toISOString().slice(0, 10);
