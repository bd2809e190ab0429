import type { EntError } from '@entdb/base';
import type { PlacedBytes } from './records.ts';
import type { TenantStateChange } from './roster.ts';
import type { KnownTenant } from './known-tenant.ts';
import type { PublishedVerdict } from './verdicts.ts';

/**
 * All tenants of one applier's volume, for one writer thread.
 *
 * - Each partition is applied in the order of its offsets, without gap; many records go into one transaction per tenant.
 * - A tenant that cannot go on stands still alone: the others of its partition go on, and nothing of it is lost, because its records stay in
 *   the log and it is caught up apart (`catchUp`) from where it stopped.
 * - A restore in place stops its tenant, too, until files that stand after it have been made and installed.
 * - A file that is missing, stale or damaged is moved aside and the tenant is rebuilt; an empty file never takes the place of a known tenant's.
 * - The checkpoint moves only after a sync, so that a power loss costs time, not records.
 *
 * Every method may throw STORE_UNAVAILABLE: then nothing is lost by calling it again with the same arguments.
 */
export interface Shard {
  /** The offset of a partition that must come next. */
  nextOffset(partition: number): number;
  /** Throws LOG_GAP. */
  apply(partition: number, records: readonly PlacedBytes[]): ShardProgress;
  /**
   * Feeds tenants of one partition that are `behind` with its records in [from, next), other tenants' included or not. It may begin again at or before
   * any tenant's `fromOffset`; what a tenant has is passed over. A tenant is active again when it has met the partition's own progress.
   */
  catchUp(step: CatchUp, records: readonly PlacedBytes[]): ShardProgress;
  /**
   * Puts files that were made elsewhere in the place of a tenant's that is not active: those that an adoption made, or those of a snapshot and the archive. It goes on from the
   * log after them, at once where nothing is missing. The verdict on an adopted restore is told. Throws INVALID_POSITION where the files are of another partition or have less
   * than the tenant had, STORE_MISSING, STORE_CORRUPT and UNKNOWN_FORMAT of the prepared files; then nothing has changed.
   */
  install(installation: Installation): ShardNews;
  /** A tenant that is behind has no record before the offset that its files have not: it goes on there. */
  passOver(tenantId: string, fromOffset: number): ShardNews;
  /**
   * A partition goes on at a later offset, because the log no longer holds those before it. Tenants of it that followed the log are behind from where it stood; those that are
   * expected and were not known are behind from their first record. Whoever has a record before the offset must be among them: the rest count as new.
   */
  beginAt(partition: number, offset: number, expected: readonly ExpectedTenant[]): ShardNews;
  /** Gives up on a tenant until the next start. */
  quarantine(tenantId: string, error: EntError): ShardNews;
  /**
   * Damage was found in a tenant's files: they are moved aside and the tenant is behind from its first record. Does nothing where that has happened already.
   */
  distrust(tenantId: string, error: EntError): ShardNews;
  tenants(): readonly KnownTenant[];
  /**
   * Syncs files that changed, a bounded number at a call so that records need not wait for all, and sees that open files are still in their
   * places. When all that had changed at the first call are synced, the checkpoints move and `done` is true.
   */
  sync(tenantsMax?: number): ShardSync;
  /** Throws STORE_MISSING when the volume was taken away or replaced. */
  assertIntact(): void;
  close(): void;
}

export interface CatchUp {
  readonly partition: number;
  readonly tenantIds: readonly string[];
  readonly from: number;
  readonly next: number;
}

/** What was committed and nobody has been told yet. */
export interface ShardNews {
  /** Tenants that have changed, and up to which offset. */
  readonly touched: readonly { readonly tenantId: string; readonly offset: number }[];
  /** Tenants whose state is another one now. */
  readonly states: readonly TenantStateChange[];
  readonly verdicts: readonly PublishedVerdict[];
}

export interface ShardProgress extends ShardNews {
  /** Of the partition. */
  readonly nextOffset: number;
}

export interface ShardSync extends ShardNews {
  readonly done: boolean;
  /** Tenants whose files were synced by this call. */
  readonly synced: number;
}

/** A tenant that others know of, as the archive does. */
export interface ExpectedTenant {
  readonly tenantId: string;
  /** Of its very first record; 0 where that is not known, as where the archive begins later. */
  readonly firstOffset: number;
}

export interface Installation {
  readonly tenantId: string;
  /** The tenant's files, closed and synced, on the file system of the volume. The folder moves into its place. */
  readonly prepared: string;
  /** Where the tenant goes on, if it is known that it has no record between its files and there. Left out: at the record after its files. */
  readonly fromOffset?: number;
}
