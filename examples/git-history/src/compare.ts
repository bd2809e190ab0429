import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { realClock, realRng } from '@entdb/base';
import { restoreAll, type Places } from '@entdb/restore';
import type { RestoreTarget } from '@entdb/snapshot';
import { listTree } from './git.ts';
import type { Placed } from './replay.ts';
import { readRestored } from './restored.ts';

export interface Comparison {
  readonly repo: string;
  readonly tenantId: string;
  readonly places: Places;
  /** All of them, in order. */
  readonly commits: readonly Placed[];
  readonly scratchDir: string;
}

/**
 * Restores a commit by key, by time and by position, and compares each with git's own tree. Returns what is different, a line each; none means equal. A
 * time names the last commit that has it, for several may stand in one millisecond.
 */
export async function compareCommit(
  comparison: Comparison,
  { commit, timeMs, offset }: Placed,
): Promise<readonly string[]> {
  const { commits } = comparison;
  const ofTime = commits.findLast((placed) => placed.timeMs === timeMs)?.commit ?? commit;
  const targets: readonly (readonly [RestoreTarget, string])[] = [
    [{ kind: 'key', key: commit, inclusive: true }, commit],
    [{ kind: 'time', timeMs, inclusive: true }, ofTime],
    [{ kind: 'position', offset, inclusive: true }, commit],
  ];
  const differences: string[] = [];
  for (const [target, expected] of targets) {
    const difference = await compareTarget(comparison, target, expected);
    if (difference !== undefined) differences.push(`${target.kind} ${commit}: ${difference}`);
  }
  return differences;
}

export const waysToRestore = 3;

async function compareTarget(
  { repo, tenantId, places, scratchDir }: Comparison,
  target: RestoreTarget,
  expected: string,
): Promise<string | undefined> {
  const outputDir = join(scratchDir, target.kind);
  try {
    const { outcomes } = await restoreAll({
      places,
      clock: realClock,
      rng: realRng,
      tenantIds: [tenantId],
      target,
      outputDir,
      // The archive has everything: the log must not be needed.
      archiveOnly: true,
    });
    const [outcome] = outcomes;
    if (outcome?.kind !== 'restored') return `not restored: ${String(outcome?.error)}`;
    const restored = readRestored(join(outputDir, tenantId), tenantId);
    if (restored.head !== expected) return `the head is ${restored.head}, not ${expected}`;
    return firstDifference(restored.lines, await listTree(repo, expected));
  } finally {
    rmSync(outputDir, { recursive: true, force: true });
  }
}

/** Both sorted. */
export function firstDifference(
  restored: readonly string[],
  expected: readonly string[],
): string | undefined {
  const length = Math.max(restored.length, expected.length);
  for (let i = 0; i < length; i += 1)
    if (restored[i] !== expected[i])
      return `${restored.length} files, ${expected.length} expected; the first difference: ${restored[i] ?? 'nothing'} where git has ${expected[i] ?? 'nothing'}`;
  return undefined;
}
