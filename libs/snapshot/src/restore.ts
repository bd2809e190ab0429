import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EntError, isEntError, type Rng } from '@entdb/base';
import { tenantFileNames, type TenantFacts } from '@entdb/tenant-store';
import type { Catalog } from './catalog.ts';
import { isDamage, type Damage } from './damage.ts';
import { executePlan, type ExecuteProgress } from './execute.ts';
import { fsyncPath } from './files.ts';
import { idOf } from './history.ts';
import { isExhausted, type Point } from './limit.ts';
import { takeLease, type Lease } from './lease.ts';
import { openOutput, type Output } from './output.ts';
import type { Planning, RestorePlan } from './plan.ts';
import { planShortest, planStep, type Planned, type PlanRequest } from './planning.ts';
import { erasedAfter, refusalError } from './refusal.ts';
import { pointAt, type Digests } from './replay.ts';
import { fetchRestoredState } from './restored-state.ts';
import { checkTarget, describeTarget, type RestoreTarget } from './target.ts';

export interface RestoreRequest extends PlanRequest {
  readonly rng: Rng;
  /** `<outputDir>/<tenant>` is what will be made. */
  readonly outputDir: string;
  readonly force?: boolean;
  /** The folder lies in a volume that the caller itself owns. */
  readonly inOwnVolume?: boolean;
  /** False where the store may only be read: then retention is not kept away. */
  readonly lease?: boolean;
  /** The digests that the live system had at the target. */
  readonly expected?: Digests;
  /** Digests that the live system had on the way, by sequence. */
  readonly published?: ReadonlyMap<number, Digests>;
  /** Sum up every row again before the files are given out. */
  readonly scrub?: boolean;
  readonly onProgress?: (progress: ExecuteProgress) => void;
  /** Each record on the way that erases the tenant; those of a run that was cut off are not told again. */
  readonly onErasure?: (at: Point) => void;
}

/** What was restored, and the proof of it. Also written beside the files, as report.json. */
export interface RestoreReport {
  readonly format: 1;
  readonly tenantId: string;
  readonly target: RestoreTarget;
  readonly reached: Point;
  readonly epoch: number;
  readonly state: TenantFacts['state'];
  /** All records of the tenant's history up to here: its sequence. */
  readonly records: number;
  readonly digests: Digests;
  /** False: the archive ends before the target, and later records may exist that belong to it. */
  readonly complete: boolean;
  readonly plan: Pick<RestorePlan, 'base' | 'tail' | 'objects' | 'bytes' | 'records' | 'gaps'> & {
    readonly segments: readonly string[];
  };
  /** Damaged objects that the way led around. */
  readonly passedOver: readonly Damage[];
  /** A segment that has no checksum yet, and was not used. */
  readonly unfinished: string | null;
  readonly unknownObjects: readonly string[];
}

/**
 * Restores a tenant into `<outputDir>/<tenant>`: all of it, checked, or nothing. Throws what keeps it from the target. After a crash, an abort or a store
 * that could not be reached, the same call goes on where it stopped; every other failure leaves nothing behind.
 */
export async function restoreTenant(request: RestoreRequest): Promise<RestoreReport> {
  const { outputDir, tenantId, lease: wantsLease = true } = request;
  checkTarget(request.target);
  const force = request.force === true || request.from?.kind === 'folder';
  const inOwnVolume = request.inOwnVolume === true;
  const output = openOutput({ outputDir, tenantId, force, inOwnVolume });
  let lease: Lease | undefined;
  try {
    if (wantsLease) lease = await takeLease({ ...request, purpose: 'restore' });
    const report = await restoreInto(request, output, (passedOver) =>
      planShortest(request, passedOver),
    );
    output.publish();
    output.discard();
    await lease?.release();
    return report;
  } catch (error) {
    if (goesOnLater(error, request.signal)) output.release();
    else output.discard();
    // The lease ends by itself: what went wrong first is what must be told.
    await lease?.release().catch(() => undefined);
    throw error;
  }
}

function goesOnLater(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true || isEntError(error, 'OBJECT_STORE_UNAVAILABLE');
}

/** What a restore needs to know that writes into an output, apart from the way it is planned. */
type Work = Omit<RestoreRequest, 'clock' | 'rng' | 'lease' | 'force'>;

/**
 * Makes the state after a record in an empty folder, for a restore that passes through it: a restore in place whose objects cannot be used. The target lies before that record,
 * so what is restored on the way to it is earlier still, and this ends.
 */
export async function restoreStep(
  sources: Pick<RestoreRequest, 'store' | 'tenantId' | 'log' | 'signal'>,
  sequence: number,
  dir: string,
): Promise<readonly Damage[]> {
  const { tenantId } = sources;
  const outputDir = join(dir, 'step');
  const target = { kind: 'sequence', sequence, inclusive: true } as const;
  const work: Work = { ...sources, target, outputDir };
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

async function restoreInto(
  request: Work,
  output: Output,
  planNow: (passedOver: readonly Damage[]) => Promise<Planned>,
): Promise<RestoreReport> {
  const passedOver: Damage[] = [];
  for (;;) {
    const { planning, catalog, logEndOffset } = await planNow(passedOver);
    if (planning.kind !== 'plan') throw unplanned(request, planning, passedOver);
    const { plan } = planning;
    try {
      return await runPlan(request, output, plan, catalog, logEndOffset);
    } catch (error) {
      // Ends: each round leaves one object more out.
      const damage = damageOfBase(plan, request, error) ?? damageOfSegment(plan, request, error);
      if (!damage) throw error;
      passedOver.push(damage);
    }
  }
}

/** The damage of the plan's snapshot, where the way may lead around it. */
function damageOfBase(
  { base }: RestorePlan,
  { from, target }: Work,
  error: unknown,
): Damage | undefined {
  const isChoice = (from === undefined || from.kind === 'best') && target.kind !== 'snapshot';
  if (!isChoice || base.kind !== 'snapshot' || !isDamage(error)) return undefined;
  const object = error.facts.metadata?.object ?? '';
  const isOfBase =
    error.code === 'SNAPSHOT_CORRUPT' ||
    object.includes(base.id) ||
    error.message.includes(base.id);
  if (!isOfBase) return undefined;
  return { object: base.id, code: error.code, reason: error.message };
}

/** The damage of a segment, where the log may still have its records. */
function damageOfSegment(
  { segments }: RestorePlan,
  { log }: Work,
  error: unknown,
): Damage | undefined {
  if (!log || !isDamage(error)) return undefined;
  const object = error.facts.metadata?.object;
  // The store names what is not there in the message alone.
  const found = segments.find(
    ({ segment }) => segment === object || error.message.includes(segment),
  );
  if (!found) return undefined;
  const { segment, firstSequence } = found;
  return { object: segment, code: error.code, reason: error.message, firstSequence };
}

function unplanned(
  { tenantId }: Work,
  planning: Exclude<Planning, { readonly kind: 'plan' }>,
  passedOver: readonly Damage[],
): EntError {
  if (planning.kind === 'scan')
    return new EntError('INTERNAL', 'a key was looked for and the plan was not made', { tenantId });
  const first = passedOver[0];
  // Without the damage there would have been a way: that is what must be mended.
  if (first)
    return new EntError(
      first.code,
      `${first.reason}; and there is no way around it: ${planning.refusal.message}`,
      {
        tenantId,
        metadata: { object: first.object },
        hint: planning.refusal.hint,
      },
    );
  return refusalError(tenantId, planning.refusal);
}

async function runPlan(
  request: Work,
  output: Output,
  plan: RestorePlan,
  catalog: Catalog,
  logEndOffset: number | undefined,
): Promise<RestoreReport> {
  const { store, log, expected, scrub = false, signal, onProgress, onErasure } = request;
  const { tenantId } = plan;
  // Told once: the same record may be met again after a round that did not lead through.
  const unusable = new Map<string, Damage>();
  const onPassedOver = (damage: Damage): void => void unusable.set(damage.object, damage);
  const rebuild = async (sequence: number, dir: string): Promise<void> => {
    const sources = { store, tenantId, ...(log && { log }), ...(signal && { signal }) };
    (await restoreStep(sources, sequence, dir)).forEach(onPassedOver);
  };
  const ports = { store, tenantId, rebuild, onPassedOver, ...(signal && { signal }) };
  const { facts, metOnLog } = await executePlan({
    store,
    fetchState: (restored, dir) => fetchRestoredState(restored, dir, ports),
    plan,
    output,
    scrub,
    checkpoints: new Map([...checkpointsOf(catalog, plan), ...(request.published ?? [])]),
    ...(log && logEndOffset !== undefined && { log: { atHand: log, endOffset: logEndOffset } }),
    ...(expected && { expected }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
    ...(onErasure && { onErasure }),
  });
  const reached = pointAt(facts.position);
  assertNotErased(plan, catalog, reached);
  assertReached(plan, reached, metOnLog);
  const report = reportOf(plan, catalog, facts, [...plan.passedOver, ...unusable.values()]);
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

/** The log may end before the erasure that an object tells of. */
function assertNotErased(plan: RestorePlan, { history }: Catalog, reached: Point): void {
  const { erased, tenantId } = plan;
  if (!erased || reached.sequence >= erased.at.sequence) return;
  throw refusalError(tenantId, erasedAfter(history, plan, erased, 'what can be had ends').refusal);
}

function assertReached(
  { limit, target, tail, tenantId }: RestorePlan,
  reached: Point,
  metOnLog: boolean,
): void {
  if (tail.kind !== 'log') return;
  // The log is at hand from its beginning, so a plan can be made for a tenant that nobody has heard of.
  if (reached.sequence === 0)
    throw new EntError(
      'NOTHING_ARCHIVED',
      `neither archive nor log has a record of tenant ${tenantId} up to the target`,
      { tenantId, hint: 'check the tenant id, and the settings of log and object store' },
    );
  if (tail.key && !metOnLog)
    throw new EntError(
      'TARGET_NOT_FOUND',
      `neither archive nor log has the ${describeTarget(target)}`,
      {
        tenantId,
        hint: 'check the key; a record before the oldest segment is gone',
      },
    );
  if (limit.kind === 'sequence' && !isExhausted(limit, reached))
    throw new EntError(
      'TARGET_IN_FUTURE',
      `the log ends at record ${reached.sequence} of the tenant`,
      {
        tenantId,
        hint: '"latest" restores everything',
      },
    );
}

function reportOf(
  plan: RestorePlan,
  catalog: Catalog,
  facts: TenantFacts,
  passedOver: readonly Damage[],
): RestoreReport {
  const { base, tail, objects, bytes, records, gaps, segments } = plan;
  return {
    format: 1,
    tenantId: plan.tenantId,
    target: plan.target,
    reached: pointAt(facts.position),
    epoch: facts.position.epoch,
    state: facts.state,
    records: facts.position.sequence,
    digests: facts.digests,
    complete: plan.reaches === 'target',
    plan: {
      base,
      tail,
      objects,
      bytes,
      records,
      gaps,
      segments: segments.map(({ segment }) => segment),
    },
    passedOver,
    unfinished: catalog.unfinished ?? null,
    unknownObjects: catalog.unknown,
  };
}
