import type { Commit } from './git.ts';
import { File, fileId, Head, headId, type GitClient } from './schema.ts';

/** Where a commit came to stand in the log. */
export interface Placed {
  readonly commit: string;
  readonly offset: number;
  /** Of the tenant's records: the first commit is 1. */
  readonly sequence: number;
  /** The highest log time up to here. */
  readonly timeMs: number;
}

/** Writes a history, one transaction a commit, each after the one before it. The key is the commit id. */
export async function* replayHistory(
  client: GitClient,
  tenantId: string,
  history: readonly Commit[],
): AsyncGenerator<Placed, void> {
  const tenant = client.tenant(tenantId);
  let sequence = 0;
  let timeMs = 0;
  for (const { id, put, removed } of history) {
    const isFirst = sequence === 0;
    const { position, appliedAt } = await tenant.atomic(
      (plan) => {
        if (isFirst) plan.create(Head, { commit: id }, { id: headId });
        else plan.update(Head, headId, { commit: id });
        for (const path of removed) plan.delete(File, fileId(path));
        for (const { path, mode, blob, isNew } of put) {
          if (isNew) {
            const bytes = new Uint8Array(Buffer.from(path, 'hex'));
            plan.create(File, { path: bytes, mode, blob }, { id: fileId(path) });
          } else plan.update(File, fileId(path), { mode, blob });
        }
      },
      { idempotencyKey: id, timeoutMs: 120_000 },
    );
    sequence += 1;
    timeMs = Math.max(timeMs, Number(appliedAt / 1000n));
    yield { commit: id, offset: position.offset, sequence, timeMs };
  }
}
