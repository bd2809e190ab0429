import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EntError } from '@entdb/base';
import type { TenantRestored } from '@entdb/contracts';
import { tenantFileNames } from '@entdb/tenant-store';
import type { Catalog } from './catalog.ts';
import type { Damage } from './damage.ts';
import { executePlan, type ExecuteProgress } from './execute.ts';
import { mayBeTheirs, type ExistingFiles } from './existing-files.ts';
import { fsyncPath } from './files.ts';
import { idOf } from './history.ts';
import type { Point } from './limit.ts';
import { openOutput, type Output } from './output.ts';
import type { RestorePlan } from './plan.ts';
import { planStep, type Planned, type PlanRequest } from './planning.ts';
import { pointAt, type Digests } from './replay.ts';
import { assertNotErased, assertReached, reportOf, type RestoreReport } from './report.ts';
import { fetchRestoredState } from './restored-state.ts';
import { damageOnWay, unplanned } from './way-around.ts';

/** What is restored, from where, and how it is held to what is known; where it goes is another matter. */
export interface RestoreWork extends Omit<PlanRequest, 'clock'> {
  /** Sum up every row again before the files are given out. */
  readonly scrub?: boolean;
  readonly onProgress?: (progress: ExecuteProgress) => void;
  /** Each record on the way that erases the tenant; those of a run that was cut off are not told again. */
  readonly onErasure?: (at: Point) => void;
}

export type Planner = (
  passedOver: readonly Damage[],
  existing: ExistingFiles | undefined,
) => Promise<Planned>;

/** Plans, and carries the plan out into the output's work; again, around what was found damaged, as long as there is another way. */
export async function restoreInto(
  work: RestoreWork,
  output: Output,
  planNow: Planner,
  found?: ExistingFiles,
): Promise<RestoreReport> {
  const passedOver: Damage[] = [];
  let existing = found;
  for (;;) {
    const planned = await planNow(passedOver, existing);
    const { planning } = planned;
    if (planning.kind !== 'plan') throw unplanned(work, planning, passedOver);
    const { plan } = planning;
    try {
      return await runPlan(work, output, { ...planned, plan }, existing);
    } catch (error) {
      // Ends: each round leaves one thing more out.
      if (existing && plan.base.kind === 'folder' && mayBeTheirs(error)) {
        existing = { ...existing, facts: undefined, unusable: error.message };
        continue;
      }
      const damage = damageOnWay(plan, work, error);
      if (!damage) throw error;
      passedOver.push(damage);
    }
  }
}

async function runPlan(
  work: RestoreWork,
  output: Output,
  { plan, catalog, logEndOffset, bytesSaved, standing }: Planned & { readonly plan: RestorePlan },
  existing: ExistingFiles | undefined,
): Promise<RestoreReport> {
  const { store, log, published, expected, scrub = false, signal, onProgress, onErasure } = work;
  const { tenantId } = plan;
  // Told once: the same record may be met again after a round that did not lead through.
  const unusable = new Map<string, Damage>();
  const sources = { store, tenantId, ...(log && { log }), ...(signal && { signal }) };
  const { facts, metOnLog, reusedFiles, isCompared } = await executePlan({
    store,
    fetchState: async (restored, dir) => {
      for (const damage of await restoreNamedState(restored, dir, sources))
        unusable.set(damage.object, damage);
    },
    plan,
    output,
    scrub,
    checkpoints: new Map([...checkpointsOf(catalog, plan), ...(published ?? [])]),
    ...(existing && { existing }),
    ...(log && logEndOffset !== undefined && { log: { atHand: log, endOffset: logEndOffset } }),
    ...(expected && { expected }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
    ...(onErasure && { onErasure }),
  });
  const reached = pointAt(facts.position);
  if (plan.base.kind === 'folder' && standing?.kind === 'later' && !isCompared)
    throw new EntError('ARCHIVE_CONFLICT', 'no digest that is known was met on the way', {
      tenantId,
    });
  assertNotErased(plan, catalog, reached);
  assertReached(plan, reached, metOnLog);
  const sum = reusedFiles.reduce((total, { bytes }) => total + bytes, 0);
  const reused = existing && {
    base: plan.base.kind === 'folder' ? plan.base.at : null,
    files: reusedFiles.map(({ name }) => name),
    bytesSaved: bytesSaved + sum,
    unusable: (standing?.kind === 'unusable' && standing.reason) || existing.unusable || null,
  };
  const report = reportOf(plan, catalog, facts, {
    reused: reused ?? null,
    passedOver: [...plan.passedOver, ...unusable.values()],
  });
  const path = join(output.work, 'report.json');
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
  fsyncPath(path);
  fsyncPath(output.work);
  return report;
}

/** What the snapshots say of the positions on the way: each is a proof of what is replayed through it. */
function checkpointsOf(
  { history }: Catalog,
  { base, passedOver }: RestorePlan,
): ReadonlyMap<number, Digests> {
  const damaged = new Set(passedOver.map(({ object }) => object));
  const sound = history.snapshots.filter(
    (snapshot) => snapshot.sequence > base.at.sequence && !damaged.has(idOf(snapshot)),
  );
  return new Map(sound.map(({ sequence, digests }) => [sequence, digests]));
}

export type StateSources = Pick<RestoreWork, 'store' | 'tenantId' | 'log' | 'signal'>;

/**
 * Makes the state that a restore in place names, in a folder of the caller's, for who carries that record out (`adoptRestored`): from the objects that it names or, where those are
 * gone or damaged, from snapshots, archive and the log at hand. What was in the folder is removed. Gives the damage that the way led around. Whatever is thrown or killed, begin
 * again.
 */
export async function restoreNamedState(
  restored: TenantRestored,
  dir: string,
  sources: StateSources,
): Promise<readonly Damage[]> {
  const unusable = new Map<string, Damage>();
  const onPassedOver = (damage: Damage): void => {
    if (!unusable.has(damage.object)) unusable.set(damage.object, damage);
  };
  const { store, tenantId, signal } = sources;
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const rebuild = async (sequence: number, into: string): Promise<void> => {
    (await restoreStep(sources, sequence, into)).forEach(onPassedOver);
  };
  const ports = { store, tenantId, rebuild, onPassedOver, ...(signal && { signal }) };
  await fetchRestoredState(restored, dir, ports);
  return [...unusable.values()];
}

/**
 * Makes the state after a record in an empty folder, for a restore that passes through it: a restore in place whose objects cannot be used. The target lies before that record,
 * so what is restored on the way to it is earlier still, and this ends.
 */
async function restoreStep(
  sources: StateSources,
  sequence: number,
  dir: string,
): Promise<readonly Damage[]> {
  const { tenantId } = sources;
  const outputDir = join(dir, 'step');
  const target = { kind: 'sequence', sequence, inclusive: true } as const;
  const work: RestoreWork = { ...sources, target };
  // The folder is beside work that was found to be ours.
  const output = openOutput({ outputDir, tenantId, force: false, inOwnVolume: true });
  try {
    const report = await restoreInto(work, output, (passedOver) => planStep(work, passedOver));
    for (const name of tenantFileNames) renameSync(join(output.work, name), join(dir, name));
    fsyncPath(dir);
    return report.passedOver;
  } finally {
    output.discard();
    rmSync(outputDir, { recursive: true, force: true });
  }
}
