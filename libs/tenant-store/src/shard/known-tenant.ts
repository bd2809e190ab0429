import type { PlacedBytes } from './records.ts';

/**
 * `active`: follows the log. `behind`: its files miss records below the partition's checkpoint, from `fromOffset` on, and it is caught up apart
 * from the others. `quarantined`: stands still for the reason given.
 */
export type TenantFileState =
  | { readonly kind: 'active' }
  | BehindState
  | {
      readonly kind: 'quarantined';
      readonly fromOffset: number;
      readonly code: string;
      readonly reason: string;
    };

/**
 * What a tenant that is behind needs. `records`: those from `fromOffset` on, from the log; where the log begins later, files that have them, made elsewhere and
 * installed. `adoption`: the record at `fromOffset` is a restore in place that its files accept; files that stand after it are to be made (`adoptRestored`) and installed.
 */
export interface BehindState {
  readonly kind: 'behind';
  readonly fromOffset: number;
  readonly needs:
    | { readonly kind: 'records' }
    | { readonly kind: 'adoption'; readonly record: PlacedBytes };
}

export const behindFrom = (fromOffset: number): BehindState => ({
  kind: 'behind',
  fromOffset,
  needs: { kind: 'records' },
});

export interface KnownTenant {
  readonly tenantId: string;
  readonly partition: number;
  /** Of its first record. */
  readonly firstOffset: number;
  readonly state: TenantFileState;
  /** Its files have at least this offset; -1 where nothing is known, as of a tenant that is being rebuilt. Files with less are stale. */
  readonly syncedOffset: number;
}
