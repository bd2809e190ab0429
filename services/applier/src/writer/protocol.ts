import type { KnownTenant, PackedBatch, ShardProgress } from '@entdb/tenant-store';
import type { ErrorCode } from '@entdb/base';

/** What the event loop asks of the writer thread. Each is one message there and one back; the thread does one thing at a time. */
export interface WriterMethods {
  /** The offset that each of its partitions goes on at, and the tenants that it holds. */
  start(params: null): WriterStart;
  apply(params: PackedBatch): ShardProgress;
  catchUp(params: CatchUpStep): ShardProgress;
  quarantine(params: Verdict): ShardProgress;
  distrust(params: Verdict): ShardProgress;
  /** Syncs the files that changed and moves the checkpoints; returns the number of files. */
  sync(params: null): number;
  /** Throws STORE_MISSING when the volume was taken away. */
  assertIntact(params: null): void;
}

export interface WriterStart {
  readonly nextOffsets: ReadonlyMap<number, number>;
  readonly tenants: readonly KnownTenant[];
}

export interface CatchUpStep {
  readonly tenantId: string;
  /** The records are those of this tenant in [from, next) of its partition. */
  readonly from: number;
  readonly next: number;
  readonly batch: PackedBatch;
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
