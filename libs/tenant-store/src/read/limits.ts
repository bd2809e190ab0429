import { EntError } from '@entdb/base';

/** What one read may cost. A read that would cost more says so, or ends early and can be resumed. */

/** Rows that one page may look at. A page that ends here is short and has a token. */
export const examinedMax = 20_000;
/** As many matches may be gathered from an index and sorted, instead of walking all nodes in order. */
export const gatheredMax = 2_000;
export const pageSizeDefault = 100;
export const pageSizeMax = 1_000;
export const idsMax = 1_000;
export const neighborDepthMax = 8;
export const neighborsDefault = 1_000;
export const neighborsMax = 10_000;
/** Edges that one breadth-first walk may follow; it is truncated there. */
export const edgesFollowedMax = 100_000;

/** The default where 0; never more than the most. */
export function pageSizeOf(requested: number): number {
  return requested === 0 ? pageSizeDefault : Math.min(requested, pageSizeMax);
}

/** Throws INVALID_ARGUMENT for a number beyond the limit. */
export function limitOf(requested: number, fallback: number, most: number, field: string): number {
  if (requested <= most) return requested === 0 ? fallback : requested;
  throw new EntError('INVALID_ARGUMENT', `${field}: ${requested} is more than ${most}`, { field });
}
