import type { ErrorCode } from '@entdb/base';
import type {
  CatchUp,
  ExpectedTenant,
  Installation,
  KnownTenant,
  PackedBatch,
  ShardNews,
  ShardProgress,
  ShardSync,
} from '@entdb/tenant-store';
import type { TakenCheckpoint } from './checkpoints.ts';

/** What the event loop asks of the writer thread. Each is one message there and one back; the thread does one thing at a time. */
export interface WriterMethods {
  /** The offset that each of its partitions goes on at, and the tenants that it holds. */
  start(params: null): WriterStart;
  apply(params: PackedBatch): ShardProgress;
  catchUp(params: { readonly step: CatchUp; readonly batch: PackedBatch }): ShardProgress;
  install(params: Installation): ShardNews;
  passOver(params: { readonly tenantId: string; readonly fromOffset: number }): ShardNews;
  beginAt(params: {
    readonly partition: number;
    readonly offset: number;
    readonly expected: readonly ExpectedTenant[];
  }): ShardNews;
  quarantine(params: Verdict): ShardNews;
  distrust(params: Verdict): ShardNews;
  /** Syncs at the most so many of the tenants that changed. */
  sync(tenantsMax: number): ShardSync;
  /** What these tenants' files held after their last commit, as far as they changed since they were asked for last. */
  checkpoints(tenantIds: readonly string[]): readonly TakenCheckpoint[];
  /** Throws STORE_MISSING when the volume was taken away. */
  assertIntact(params: null): void;
}

export interface WriterStart {
  readonly nextOffsets: ReadonlyMap<number, number>;
  readonly tenants: readonly KnownTenant[];
}

export interface Verdict {
  readonly tenantId: string;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface WriterData {
  readonly dir: string;
  readonly topic: string;
  readonly partitions: number;
  /** Those that this applier owns. */
  readonly owned: readonly number[];
  readonly openTenantsMax: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly instance: string;
}
