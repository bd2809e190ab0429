import type { Clock } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { loadCatalog, loadSnapshot, loadWay, type Catalog } from './catalog.ts';
import type { Damage } from './damage.ts';
import { standingOf, type ExistingFiles, type Standing } from './existing-files.ts';
import { findErasures } from './find-erasures.ts';
import { findKey } from './find-key.ts';
import { beforeFirst, lastOf, type Point } from './limit.ts';
import { listTenant } from './listing.ts';
import type { Planning, PlanOptions, PlanStart, RestorePlan } from './plan.ts';
import { pointAt, type Digests } from './replay.ts';
import { planRestore } from './restore-plan.ts';
import { reachOf, type LogAtHand } from './tail.ts';
import { checkTarget, limitOf, type RestoreTarget } from './target.ts';

export interface PlanRequest {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly tenantId: string;
  readonly target: RestoreTarget;
  /** Default: whatever is the shortest way. */
  readonly from?: PlanStart;
  /** Where the unarchived tail may be read. */
  readonly log?: LogAtHand;
  /** What to do where the archive ends first and there is no log. Default: refuse. */
  readonly short?: 'refuse' | 'accept';
  /** Digests that the live system published, by sequence. */
  readonly published?: ReadonlyMap<number, Digests>;
  /** The digests that the live system had at the target. */
  readonly expected?: Digests;
  readonly signal?: AbortSignal;
}

export interface Planned {
  readonly planning: Planning;
  /** All of it, or the part that the plan is made of. */
  readonly catalog: Catalog;
  /** Where the log ended when it was asked. */
  readonly logEndOffset: number | undefined;
  /** Of objects that the plan does without because of files that are there already. */
  readonly bytesSaved: number;
  /** Whether such files are what the archive leads to. */
  readonly standing?: Standing;
}

/** The plan and what it is made of, without touching a file: the dry run. A key is looked for, which reads the archive. */
export function planFor(request: PlanRequest): Promise<Planned> {
  const nowMs = request.clock.now();
  return plan(request, { part: 'all', nowMs, passedOver: [], purpose: 'result' });
}

/**
 * The same plan, where there is one, for its execution: only what lies on the way is read, so what it says of gaps and windows is said of that. `passedOver`: objects that
 * were found damaged meanwhile.
 */
export function planShortest(
  request: PlanRequest,
  passedOver: readonly Damage[],
  existing?: ExistingFiles,
): Promise<Planned> {
  const nowMs = request.clock.now();
  const files = existing && { existing };
  return plan(request, { part: 'way', nowMs, passedOver, purpose: 'result', ...files });
}

/** For a state that a restore only passes through: what was erased later does not matter to it. */
export function planStep(
  request: Omit<PlanRequest, 'clock'>,
  passedOver: readonly Damage[],
): Promise<Planned> {
  return plan(request, { part: 'way', nowMs: Infinity, passedOver, purpose: 'step' });
}

interface Reading {
  readonly part: 'way' | 'all';
  readonly nowMs: number;
  readonly passedOver: readonly Damage[];
  /** `result`: what comes out is given to somebody. */
  readonly purpose: 'result' | 'step';
  readonly existing?: ExistingFiles;
}

async function plan(request: Omit<PlanRequest, 'clock'>, reading: Reading): Promise<Planned> {
  const { store, tenantId, log, signal } = request;
  const call = signal ? { signal } : {};
  const target = checkTarget(request.target);
  // The log first: its mark must be older than the listing.
  const reach = log && (await reachOf(log));
  const way = reading.part === 'way' ? await wayTo(request, reading.passedOver) : undefined;
  const found = way ?? (await loadCatalog(store, tenantId, call));
  const known = reading.purpose === 'result' ? found : withoutErasures(found);
  const catalog = withDamage(known, reading.passedOver);
  const standing = standingIn(request, catalog, reading.existing);
  const existing = standing && standing.kind !== 'unusable' ? reading.existing?.facts : undefined;
  const options: PlanOptions = {
    ...(existing && { existing: pointAt(existing.position) }),
    nowMs: reading.nowMs,
    from: request.from ?? { kind: 'best' },
    short: request.short ?? 'refuse',
    passedOver: reading.passedOver,
    ...(reach && { log: reach }),
  };
  const planned = (planning: Planning): Planned => ({
    planning,
    catalog,
    logEndOffset: reach?.endOffset,
    bytesSaved: bytesSavedBy(planning, catalog, target, options),
    ...(standing && { standing }),
  });
  const made = await planWithKey(request, catalog, target, options);
  if (made.planning.kind !== 'plan')
    return way ? plan(request, { ...reading, part: 'all' }) : planned(made.planning);
  const passesAll = reading.purpose === 'step' || readsToTheEnd(made.planning.plan);
  if (!log || !reach || passesAll) return planned(made.planning);

  const archived = archivedEnd(catalog);
  const erasures = await findErasures(log, reach, { tenantId, archived }, call);
  if (erasures.length === 0) return planned(made.planning);
  const { history } = catalog;
  const erased = { ...history, erasures: [...history.erasures, ...erasures] };
  return planned(planRestore(erased, target, made.options));
}

function standingIn(
  { published = new Map<number, Digests>(), expected }: Pick<PlanRequest, 'published' | 'expected'>,
  catalog: Catalog,
  existing: ExistingFiles | undefined,
): Standing | undefined {
  if (!existing?.facts) return undefined;
  const known = { published, expected: expected !== undefined };
  return standingOf(existing, existing.facts, catalog, known);
}

/** What would have been fetched without the files. */
function bytesSavedBy(
  planning: Planning,
  { history }: Catalog,
  target: RestoreTarget,
  { existing, ...options }: PlanOptions,
): number {
  if (!existing || planning.kind !== 'plan' || planning.plan.base.kind !== 'folder') return 0;
  const without = planRestore(history, target, options);
  return without.kind === 'plan' ? Math.max(0, without.plan.bytes - planning.plan.bytes) : 0;
}

const withoutErasures = (catalog: Catalog): Catalog => ({
  ...catalog,
  history: { ...catalog.history, erasures: [] },
});

/** Segments whose damage only showed when they were read are as those whose checksum is damaged. */
function withDamage(catalog: Catalog, passedOver: readonly Damage[]): Catalog {
  const lost = passedOver.filter(({ firstSequence }) => firstSequence !== undefined);
  if (lost.length === 0) return catalog;
  const names = new Set(lost.map(({ object }) => object));
  const { segments, damaged } = catalog.history;
  const history = {
    ...catalog.history,
    segments: segments.filter(({ segment }) => !names.has(segment)),
    damaged: [...damaged, ...lost],
  };
  return { ...catalog, history };
}

/** The part of the catalog that leads to the target, if it can be known beforehand which that is. */
async function wayTo(
  { store, tenantId, target, from = { kind: 'best' }, signal }: Omit<PlanRequest, 'clock'>,
  passedOver: readonly Damage[],
): Promise<Catalog | undefined> {
  const call = signal ? { signal } : {};
  if (from.kind !== 'best' || target.kind === 'key') return undefined;
  const listing = await listTenant(store, tenantId, call);
  if (target.kind === 'snapshot') return loadSnapshot(store, listing, target.id, call);
  const damaged = new Set(passedOver.map(({ object }) => object));
  return loadWay(store, listing, limitOf(target), { passedOver: damaged, ...call });
}

async function planWithKey(
  { store, tenantId, signal }: Omit<PlanRequest, 'clock'>,
  { history }: Catalog,
  target: RestoreTarget,
  options: PlanOptions,
): Promise<{ readonly planning: Planning; readonly options: PlanOptions }> {
  const planning = planRestore(history, target, options);
  if (planning.kind !== 'scan') return { planning, options };
  const located = await findKey(store, tenantId, planning.scan, signal ? { signal } : {});
  const found = { ...options, located };
  return { planning: planRestore(history, target, found), options: found };
}

/** Such a restore passes every erasure that there is on the log, and holds what came after. */
function readsToTheEnd({ limit, tail }: RestorePlan): boolean {
  return limit.kind === 'latest' && tail.kind === 'log' && tail.key === undefined;
}

/** The last archived record; undefined where the object that has it cannot be used. */
function archivedEnd({ history, last }: Catalog): Point | undefined {
  if (last === 'damaged') return undefined;
  if (last) return lastOf(last);
  const newest = history.snapshots.at(-1);
  return newest ? undefined : beforeFirst;
}
