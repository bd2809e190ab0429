import type { Clock, Rng } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import {
  applyRetention,
  makeSnapshot,
  type PublishedDigests,
  type RetentionOutcome,
  type SnapshotOutcome,
} from '@entdb/snapshot';

export interface SnapshotJob {
  readonly tenantId: string;
  readonly cacheDir: string;
  readonly published: ReadonlyMap<number, PublishedDigests>;
  /** A record that was in doubt once: the work begins before it. */
  readonly passBy?: number;
}

export interface RetentionJob {
  readonly tenantId: string;
  readonly retentionDays: number;
  readonly dryRun: boolean;
  /** The cache's: what a killed process left there goes at the next start. */
  readonly workDir: string;
}

/** What takes long and blocks its thread: SQLite, hashes, whole segments. Everything it is told and tells can cross threads. */
export interface Work {
  makeSnapshot(job: SnapshotJob): Promise<SnapshotOutcome>;
  applyRetention(job: RetentionJob): Promise<RetentionOutcome>;
}

export interface WorkPlace {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly signal: AbortSignal;
}

/** Does it in the thread that it is called in. */
export function workAt(place: WorkPlace): Work {
  return {
    makeSnapshot: (job) => makeSnapshot({ ...place, ...job }),
    applyRetention: (job) => applyRetention({ ...place, ...job }),
  };
}
