import { backoffMs, toError, type Clock, type EntError, type Logger, type Rng } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { listArchivedTenants, type SnapshotOutcome } from '@entdb/snapshot';
import { forEachBounded } from './bounded.ts';
import type { Cache } from './cache.ts';
import {
  contradictionIn,
  doubtError,
  doubtIn,
  nothingPublished,
  withDoubt,
  type Doubt,
  type Published,
} from './doubt.ts';
import type { Meters } from './meters.ts';
import { nextJob, retentionEveryMs, type Candidate, type Job, type Rules } from './schedule.ts';
import { survey } from './survey.ts';
import { faultOf, newTenant, type Fault, type Tenant, type TenantView } from './tenant.ts';
import type { Work } from './work.ts';

/**
 * Makes a snapshot of each tenant that is due, and applies retention once a day. It knows nothing but the object store: what is there says how far every
 * tenant is, so it can be killed at any moment, and two of them do no harm. What appliers published is a second opinion on it, and never a source.
 */
export interface Snapshotter {
  /** Resolves when the store was looked through once. */
  readonly begun: Promise<void>;
  tenants(): readonly TenantView[];
  /** Why nothing can be done at present. */
  trouble(): string | undefined;
  /** Until the signal. What is under way then is given up, and begun again by the next. */
  run(): Promise<void>;
}

export interface SnapshotterOptions {
  readonly store: ObjectStore;
  readonly cache: Cache;
  /** Where snapshots are made and retention is applied: on other threads, where there is more to be answered on this one. */
  readonly work: Work;
  readonly rules: Rules;
  readonly pollMs: number;
  readonly parallel: number;
  readonly retention: { readonly days: number; readonly dryRun: boolean };
  readonly published?: Published;
  /** How long a tenant that failed is left alone. */
  readonly backoff?: { readonly initialMs: number; readonly maxMs: number };
  readonly meters: Meters;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const surveysInFlightMax = 16;
/** Records in one log line. */
const namesMax = 10;
const retentionAgainMs = 3_600_000;
const defaultBackoff = { initialMs: 30_000, maxMs: 3_600_000 };

export function createSnapshotter(options: SnapshotterOptions): Snapshotter {
  const { store, cache, work, rules, retention, meters, clock, rng, logger, signal } = options;
  const { backoff = defaultBackoff, published = nothingPublished } = options;
  const call = { signal };
  const tenants = new Map<string, Tenant>();
  const underWay = new Set<Promise<void>>();
  const begun = Promise.withResolvers<void>();
  let trouble: string | undefined;

  const failed = (tenant: Tenant, during: Fault['during'], thrown: unknown): void => {
    if (signal.aborted) return;
    const fault = faultOf(during, thrown);
    const waitMs = backoffMs(tenant.failures, { ...backoff, rng });
    tenant.failures += 1;
    tenant.notBeforeMs = clock.now() + waitMs;
    tenant.fault = fault;
    meters.failed();
    const { tenantId, doubt } = tenant;
    const facts = { tenantId, during, code: fault.code, waitMs, err: toError(thrown), doubt };
    if (fault.retriable) logger.warn(facts, 'failed; trying again');
    else logger.error(facts, 'the tenant gets no snapshot until somebody has looked');
  };

  const succeeded = (tenant: Tenant, during: Fault['during']): void => {
    if (tenant.fault?.during !== during) return;
    tenant.fault = undefined;
    tenant.failures = 0;
    tenant.notBeforeMs = 0;
  };

  const look = async (tenant: Tenant): Promise<void> => {
    const { tenantId } = tenant;
    const known = new Set(tenant.standing?.damaged);
    tenant.standing = await survey(store, tenantId, tenant.standing, call);
    const damaged = tenant.standing.damaged.filter((id) => !known.has(id));
    if (damaged.length > 0)
      logger.warn({ tenantId, damaged }, 'snapshots cannot be read: an earlier one counts');
    succeeded(tenant, 'survey');
  };

  const lookThrough = async (): Promise<void> => {
    const ids = new Set(await listArchivedTenants(store, call));
    for (const [tenantId, { busy }] of tenants)
      if (!ids.has(tenantId) && !busy) tenants.delete(tenantId);
    for (const tenantId of ids)
      if (!tenants.has(tenantId)) tenants.set(tenantId, newTenant(tenantId, clock.now()));
    const free = [...tenants.values()].filter(
      ({ busy, fault, notBeforeMs }) =>
        !busy && (fault?.during !== 'survey' || notBeforeMs <= clock.now()),
    );
    await forEachBounded(free, surveysInFlightMax, async (tenant) => {
      if (tenant.busy) return; // begun meanwhile; it looks itself when it is done
      await look(tenant).catch((error: unknown) => failed(tenant, 'survey', error));
      fill();
    });
  };

  /** Throws what is in doubt; otherwise what the archive is to be compared with. */
  const compare = async (tenant: Tenant): Promise<SnapshotOutcome> => {
    const { tenantId } = tenant;
    const disagree = (doubt: Doubt, cause?: unknown): EntError => {
      if (!tenant.doubt) meters.disagreed();
      tenant.doubt = doubt;
      return doubtError(tenantId, doubt, cause);
    };
    const contradiction = contradictionIn(tenantId, published);
    if (contradiction) throw disagree(contradiction);
    const { doubt } = tenant;
    const said = published.of(tenantId);
    // They agreed in the end, and the archive is held against that; that they fell silent settles nothing.
    if (doubt && !doubt.own && !said.has(doubt.sequence)) throw doubtError(tenantId, doubt);
    const all = doubt?.own ? withDoubt(said, doubt) : said;
    const job = { tenantId, cacheDir: cache.dir, published: all };
    try {
      return await work.makeSnapshot(doubt ? { ...job, passBy: doubt.sequence } : job);
    } catch (error) {
      const found = doubtIn(error, all);
      throw found ? disagree(found, error) : error;
    }
  };

  const snapshot = async (tenant: Tenant): Promise<void> => {
    const { tenantId, doubt } = tenant;
    const begunMs = clock.monotonic();
    const outcome = await compare(tenant);
    cache.touch(tenantId);
    if (outcome.kind === 'made') {
      const { id, manifest, confirmed, passedOver } = outcome;
      const seconds = (clock.monotonic() - begunMs) / 1000;
      const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
      meters.made({ bytes, seconds, compared: confirmed.length });
      const facts = { tenantId, id, sequence: manifest.sequence, bytes, seconds };
      const compared = { compared: confirmed.length > 0, confirmed: confirmed.slice(-namesMax) };
      logger.info({ ...facts, ...compared }, 'snapshot made');
      if (doubt) logger.info({ tenantId, doubt }, 'a doubt is settled: the archive agrees');
      tenant.doubt = undefined;
      if (passedOver.length > 0)
        logger.warn({ tenantId, passedOver }, 'damaged snapshots were passed over');
    }
    await look(tenant);
  };

  const retain = async (tenant: Tenant): Promise<void> => {
    const { tenantId } = tenant;
    const { days: retentionDays, dryRun } = retention;
    const outcome = await work.applyRetention({
      tenantId,
      retentionDays,
      dryRun,
      workDir: cache.dir,
    });
    const isBusy = outcome.kind === 'busy';
    tenant.retentionDueMs = clock.now() + (isBusy ? retentionAgainMs : retentionEveryMs);
    if (isBusy) return;
    const { objects, bytes, base, held, kept } = outcome.plan;
    const facts = { tenantId, objects: objects.length, bytes, base, kept: kept.length };
    if (held !== null) logger.warn({ ...facts, held }, 'retention removes nothing');
    else if (outcome.kind === 'planned') logger.info(facts, 'retention would remove');
    else if (objects.length > 0) {
      meters.removed({ objects: objects.length, bytes });
      logger.info(facts, 'retention removed');
    }
  };

  const services: Record<Job['kind'], (tenant: Tenant) => Promise<void>> = {
    snapshot,
    retention: retain,
  };
  const serve = async (kind: Job['kind'], tenant: Tenant): Promise<void> => {
    tenant.busy = true;
    try {
      await services[kind](tenant);
      succeeded(tenant, kind);
    } catch (error) {
      failed(tenant, kind, error);
    } finally {
      tenant.busy = false;
    }
    const dropped = cache.trim((tenantId) => tenants.get(tenantId)?.busy ?? false);
    if (dropped.length > 0) logger.debug({ tenants: dropped }, 'working copies made room');
  };

  /** Begins as much as may be under way; called whenever something has changed. */
  const fill = (): void => {
    while (!signal.aborted && underWay.size < options.parallel) {
      const job = nextJob([...tenants.values()].map(candidate), rules, clock.now());
      const tenant = job && tenants.get(job.tenantId);
      if (!tenant) return;
      const task = serve(job.kind, tenant).finally(() => {
        underWay.delete(task);
        fill();
      });
      // A working copy that cannot be removed is a fault of this machine: the loop ends with it.
      task.catch((error: unknown) => fault.abort(error));
      underWay.add(task);
    }
  };
  const fault = new AbortController();
  const ended = AbortSignal.any([signal, fault.signal]);

  return {
    begun: begun.promise,
    tenants: () => [...tenants.values()],
    trouble: () => trouble,
    async run() {
      for (let failures = 0; !ended.aborted;) {
        let waitMs = options.pollMs;
        try {
          await lookThrough();
          failures = 0;
          trouble = undefined;
          begun.resolve();
        } catch (error) {
          if (ended.aborted) break;
          trouble = toError(error).message;
          meters.failed();
          logger.warn({ err: toError(error) }, 'the object store cannot be looked through');
          waitMs = Math.min(waitMs, backoffMs(failures, { ...backoff, rng }));
          failures += 1;
        }
        fill();
        await clock.sleep(waitMs, ended).catch(() => {}); // woken by the end
      }
      await Promise.allSettled(underWay);
      if (fault.signal.aborted) throw toError(fault.signal.reason);
    },
  };
}

function candidate(tenant: Tenant): Candidate {
  const { tenantId, waiting, busy, notBeforeMs, fault, doubt, retentionDueMs, standing } = tenant;
  const isSound = !doubt && (!fault || fault.during === 'retention');
  const mayClean = standing !== undefined && isSound;
  return {
    tenantId,
    waiting,
    busy,
    notBeforeMs,
    retentionAtMs: mayClean ? retentionDueMs : undefined,
  };
}
