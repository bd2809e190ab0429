import type { ObjectStoreSettings } from '@entdb/config';
import type { PlacedBytes, TenantPosition } from '@entdb/tenant-store';

/** What the event loop asks of the healer thread. It makes folders of tenant files beside those of the volume; the writer thread puts them in place. */
export interface HealerMethods {
  /** Files as far as snapshots and archive reach. */
  restore(params: RestoreJob): RestoredFiles;
  /** Files that stand after a restore in place. */
  adopt(params: AdoptionJob): MadeFolder;
  /** Removes what was made for other tenants than these: nobody waits for it any more. */
  sweep(tenantIds: readonly string[]): void;
}

export interface RestoreJob {
  readonly tenantId: string;
  /** Whether the volume's own files may be found to have everything already. */
  readonly ownMayDo: boolean;
}

/** `own`: the volume's own files have all that is archived of the tenant. */
export type RestoredFiles =
  | ({ readonly kind: 'made' } & MadeFolder)
  | { readonly kind: 'own'; readonly position: TenantPosition };

export interface AdoptionJob {
  readonly tenantId: string;
  readonly topic: string;
  readonly partition: number;
  /** The TenantRestored record. */
  readonly record: PlacedBytes;
}

export interface MadeFolder {
  /** Complete, closed, synced; on the volume, so that it can be put in place by a rename. */
  readonly dir: string;
  readonly position: TenantPosition;
  /** Damaged objects that the way led around. */
  readonly passedOver: readonly string[];
}

export interface HealerData {
  /** Of the volume. */
  readonly dir: string;
  readonly store: ObjectStoreSettings;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly instance: string;
}
