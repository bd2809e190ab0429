import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { isEntError, realClock, realRng } from '@entdb/base';
import { restoreAll, type Places } from '@entdb/restore';
import type { RestoreReport } from '@entdb/snapshot';
import { tenantId } from './all-operations.ts';
import type { Truth } from './build.ts';
import { dumpRows, hashRows } from './rows.ts';
import type { Task } from './targets.ts';

/** What became of one restore. */
export interface Comparison {
  /** A line of the table. */
  readonly kind: string;
  readonly base: 'snapshot' | 'scratch' | 'folder' | 'none';
  /** Records came from the log. */
  readonly fromLog: boolean;
  /** undefined: equal by digests and by rows, or refused as it must be. */
  readonly difference: string | undefined;
}

/** Restores as a person would, and holds the files against what the prefix is. */
export async function compareTask(
  { target, start, sequence }: Task,
  truths: readonly Truth[],
  places: Places,
  outputDir: string,
): Promise<Comparison> {
  rmSync(outputDir, { recursive: true, force: true });
  const { outcomes } = await restoreAll({
    places,
    clock: realClock,
    rng: realRng,
    tenantIds: [tenantId],
    target,
    outputDir,
    start: { kind: start },
  });
  const outcome = outcomes[0]!;
  const side = 'inclusive' in target && target.inclusive ? 'inclusive' : 'exclusive';
  const kind = `${target.kind === 'position' ? 'offset' : target.kind}, ${side}, ${start === 'best' ? 'from snapshot + archive' : '--from-scratch'}`;
  const about = `${JSON.stringify(target)} (${start})`;
  if (outcome.kind === 'failed') {
    const isRight = sequence === 0 && isEntError(outcome.error, 'TARGET_BEFORE_FIRST');
    const difference = isRight ? undefined : `${about}: ${String(outcome.error)}`;
    return { kind, base: 'none', fromLog: false, difference };
  }
  const { report } = outcome;
  const wrong = differenceOf(report, truths[sequence - 1], sequence, join(outputDir, tenantId));
  return {
    kind,
    base: report.plan.base.kind,
    fromLog: report.plan.tail.kind === 'log',
    difference: wrong === undefined ? undefined : `${about}: ${wrong}`,
  };
}

function differenceOf(
  { reached, digests, records, complete }: RestoreReport,
  truth: Truth | undefined,
  sequence: number,
  dir: string,
): string | undefined {
  if (!truth) return `restored record ${reached.sequence} where nothing was to be restored`;
  const { offset, timeMs, canonical, mailbox, rows } = truth;
  if (!complete) return 'the restore calls itself incomplete';
  const found = [reached.sequence, reached.offset, reached.timeMs, records].join();
  const expected = [sequence, offset, timeMs, sequence].join();
  if (found !== expected) return `reached ${found}, expected ${expected}`;
  if (digests.canonical !== canonical || digests.mailbox !== mailbox)
    return `digests ${digests.canonical} ${digests.mailbox}, expected ${canonical} ${mailbox}`;
  if (hashRows(dumpRows(dir)) !== rows) return `the digests are equal and the rows are not`;
  return undefined;
}
