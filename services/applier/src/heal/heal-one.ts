import { isEntError, type EntError, type Logger } from '@entdb/base';
import type { Installation, PlacedBytes, TenantFileState } from '@entdb/tenant-store';
import type { WorkerClient } from '@entdb/threads';
import { walTopic, type Wal } from '@entdb/wal';
import { logStartPassed } from '../log-start-passed.ts';
import type { Tenants } from '../tenants.ts';
import { assertSameLog, continueAt, reachOf } from './continuity.ts';
import type { HealerMethods } from './protocol.ts';
import type { StoreAtHand } from './store-at-hand.ts';

export interface HealContext {
  readonly wal: Pick<Wal, 'bounds' | 'committed' | 'consume'>;
  readonly store: Pick<StoreAtHand, 'missing'>;
  readonly worker: Pick<WorkerClient<HealerMethods>, 'call'>;
  readonly tenants: Pick<Tenants, 'state'>;
  readonly volume: HealedVolume;
  readonly logger: Logger;
}

/** What becomes of a tenant. */
export interface HealedVolume {
  /** Puts files in the tenant's place; it goes on at the offset, or after them. */
  install(step: Installation, signal: AbortSignal): Promise<void>;
  /** The tenant's own files have all that is known of it: it goes on at the offset. */
  passOver(tenantId: string, fromOffset: number, signal: AbortSignal): Promise<void>;
  /** The tenant's own files are damaged. */
  distrust(tenantId: string, error: EntError): Promise<void>;
  /** The log has what the tenant needs after all. */
  toLog(partition: number, tenantId: string): void;
  giveUp(tenantId: string, error: EntError): Promise<void>;
}

export interface Patient {
  readonly partition: number;
  readonly tenantId: string;
  readonly state: Exclude<TenantFileState, { readonly kind: 'active' }>;
}

/**
 * What becomes of a try that failed. `all wait`: time mends it, or a person with a setting or a disk, and every other tenant would fail as well. `waits`: this tenant's archive has not come so far yet.
 * `stands still`: something is wrong with what is stored of it.
 */
export function judge(error: EntError, { state }: Patient): 'all wait' | 'waits' | 'stands still' {
  if (mayPass(error)) return 'all wait';
  const adopts = state.kind === 'behind' && state.needs.kind === 'adoption';
  return adopts && notYet.some((code) => code === error.code) ? 'waits' : 'stands still';
}

/** A record of a restore in place names a state whose records may still be on their way into the archive. */
const notYet = ['TARGET_BEYOND_ARCHIVE', 'TARGET_IN_FUTURE', 'NOTHING_ARCHIVED'] as const;

/** No fault of a tenant's own. */
export function mayPass(error: EntError): boolean {
  const codes = [
    'OBJECT_STORE_UNAVAILABLE',
    'OBJECT_STORE_DENIED',
    'STORE_UNAVAILABLE',
    'LOG_UNAVAILABLE',
  ] as const;
  return codes.some((code) => code === error.code);
}

/** Makes one tenant's files and puts them in place. Throws what keeps it from that. */
export async function healOne(
  options: HealContext,
  patient: Patient,
  signal: AbortSignal,
): Promise<void> {
  const { state } = patient;
  if (state.kind === 'behind' && state.needs.kind === 'adoption')
    return adopt(options, patient, state.needs.record, signal);
  return restore(options, patient, signal);
}

async function restore(
  { wal, store, worker, tenants, volume, logger }: HealContext,
  { partition, tenantId, state }: Patient,
  signal: AbortSignal,
): Promise<void> {
  const reach = await reachOf(wal, partition);
  const { startOffset } = reach;
  if (state.kind === 'behind' && state.fromOffset >= startOffset)
    return volume.toLog(partition, tenantId);
  const missing = await store.missing(signal);
  if (missing !== undefined)
    throw logStartPassed(partition, state.fromOffset, startOffset, missing);

  const made = await orAborted(
    worker.call('restore', { tenantId, ownMayDo: state.kind === 'behind' }),
    signal,
  );
  if (tenants.state(tenantId) !== state) return; // it has become another's business meanwhile
  const { offset } = made.position;
  const fromOffset = continueAt(tenantId, offset, reach);
  await assertSameLog(wal, tenantId, offset, reach, signal);
  logger.info(
    { ...made.position, tenantId, fromOffset, made: made.kind },
    'the object store has what the log no longer has of a tenant',
  );
  if (made.kind === 'own') return volume.passOver(tenantId, fromOffset, signal);
  if (made.passedOver.length > 0)
    logger.warn({ tenantId, objects: made.passedOver }, 'damaged objects were passed over');
  return volume.install({ tenantId, prepared: made.dir, fromOffset }, signal);
}

async function adopt(
  { worker, tenants, volume, logger }: HealContext,
  { partition, tenantId, state }: Patient,
  record: PlacedBytes,
  signal: AbortSignal,
): Promise<void> {
  try {
    const job = { tenantId, topic: walTopic, partition, record };
    const made = await orAborted(worker.call('adopt', job), signal);
    if (tenants.state(tenantId) !== state) return;
    logger.info(
      { ...made.position, tenantId, passedOver: made.passedOver },
      'files of a tenant have been made for a restore in place',
    );
    await volume.install({ tenantId, prepared: made.dir }, signal);
  } catch (error) {
    if (isEntError(error) && error.facts.metadata?.['folder'] === 'current')
      return volume.distrust(tenantId, error);
    throw error;
  }
}

/** At the end nobody waits for a job: what it has made is gone on from by the next process. */
async function orAborted<T>(job: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([job, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
