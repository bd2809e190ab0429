import type { Roster } from './roster.ts';
import type { TenantFiles } from './tenant-files.ts';

/**
 * Checkpoints move in rounds, so that records need not wait for all files to be synced: a round takes down where the partitions are, and which files changed; when the last of
 * those is synced, what it took down is true of the disk.
 */
export interface SyncRounds {
  /** Syncs at the most so many tenants' files; begins a round where none is under way. */
  go(tenantsMax: number): { readonly done: boolean; readonly synced: number };
  /** Gives the round up: partitions have moved by themselves. */
  forget(): void;
}

export function createSyncRounds(
  roster: Roster,
  files: TenantFiles,
  nextOffsets: ReadonlyMap<number, number>,
): SyncRounds {
  let round:
    | { readonly checkpoints: ReadonlyMap<number, number>; readonly left: readonly string[] }
    | undefined;

  return {
    go(tenantsMax) {
      if (!round) {
        files.replaceStrangers();
        round = { checkpoints: new Map(nextOffsets), left: [...files.dirty] };
      }
      const now = round.left.slice(0, tenantsMax);
      for (const tenantId of now)
        if (files.dirty.has(tenantId))
          // it may have been let go, and synced, meanwhile
          files.trusting(tenantId, () => files.sync(tenantId));
      round = { ...round, left: round.left.slice(now.length) };
      const done = round.left.length === 0;
      if (done) {
        roster.saveSynced(round.checkpoints);
        round = undefined;
      }
      return { done, synced: now.length };
    },
    forget() {
      round = undefined;
    },
  };
}
