import { backoffMs, EntError, toError, type Clock, type Rng } from '@entdb/base';
import { healOne, judge, type HealContext, type Patient } from './heal-one.ts';

/**
 * Gets tenants the files that the log alone cannot give them: those whose next record the log no longer has are made from snapshots and archive, and those that
 * came to a restore in place are made as that record says. A bounded number at once: restores in place first, then in
 * the order in which they came.
 *
 * A store that is away costs time and nothing else: all wait, and one try after another finds out that it is back. What is wrong with a tenant's own objects
 * stops that tenant alone, with the error's name.
 */
export interface Healer {
  add(partition: number, tenantId: string): void;
  /** Begins; resolves after the signal, when what is under way has ended. */
  run(signal: AbortSignal): Promise<void>;
  /** Tenants that wait or are at work. */
  readonly tenants: number;
  /** Why nothing can be made at present; undefined while all is well. */
  trouble(): EntError | undefined;
}

export interface HealerOptions extends HealContext {
  readonly onHeal: (event: HealEvent) => void;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly parallel: number;
}

export type HealEvent = 'begun' | 'done' | 'failed';

const pauseInitialMs = 500;
const pauseMaxMs = 30_000;
/** The archiver is seconds behind the log, as a rule. */
const notYetAfterMs = 2_000;
/** A tenant that stands still for want of its files: an object may have been brought back, or the archive may have gone on. */
const againAfterMs = 5 * 60_000;

export function createHealer(options: HealerOptions): Healer {
  const { tenants, logger, clock, rng } = options;
  /** In the order in which they came. */
  let queue = new Map<string, number>();
  const atWork = new Map<string, Promise<void>>();
  /** Those that are tried again after a while. */
  const later = new Set<string>();
  let running: AbortSignal | undefined;
  let trouble: EntError | undefined;
  let failures = 0;
  let paused: Promise<void> | undefined;

  const add: Healer['add'] = (partition, tenantId) => {
    const state = tenants.state(tenantId);
    // Somebody waits for a restore in place, and its files are at hand; it does not wait for a whole volume.
    if (state.kind === 'behind' && state.needs.kind === 'adoption')
      queue = new Map([[tenantId, partition], ...queue]);
    else queue.set(tenantId, partition);
    pump();
  };

  const pump = (): void => {
    const signal = running;
    if (!signal || signal.aborted || paused) return;
    for (const [tenantId, partition] of queue) {
      // While nothing can be made, one tenant finds out for all.
      if (atWork.size >= (trouble ? 1 : options.parallel)) return;
      if (atWork.has(tenantId)) continue;
      queue.delete(tenantId);
      const work = heal(partition, tenantId, signal).finally(() => {
        atWork.delete(tenantId);
        pump();
      });
      atWork.set(tenantId, work);
    }
  };

  const pause = (signal: AbortSignal): void => {
    const ms = backoffMs(failures, { initialMs: pauseInitialMs, maxMs: pauseMaxMs, rng });
    failures += 1;
    paused ??= clock
      .sleep(ms, signal)
      .catch(() => undefined) // woken by the end
      .then(() => {
        paused = undefined;
        pump();
      });
  };

  /** Tries again after a while, if the tenant is then as it is now. */
  const tryAgain = async ({ partition, tenantId }: Patient, ms: number, signal: AbortSignal) => {
    const { kind } = tenants.state(tenantId);
    later.add(tenantId);
    await clock.sleep(ms, signal).catch(() => undefined); // woken by the end
    later.delete(tenantId);
    if (!signal.aborted && tenants.state(tenantId).kind === kind) add(partition, tenantId);
  };

  const heal = async (partition: number, tenantId: string, signal: AbortSignal): Promise<void> => {
    const state = tenants.state(tenantId);
    if (state.kind === 'active') return;
    const patient = { partition, tenantId, state };
    options.onHeal('begun');
    try {
      await healOne(options, patient, signal);
      options.onHeal('done');
      trouble = undefined;
      failures = 0;
    } catch (thrown) {
      if (signal.aborted) return;
      options.onHeal('failed');
      await settle(patient, asEntError(thrown, tenantId), signal);
    }
  };

  const settle = async (patient: Patient, error: EntError, signal: AbortSignal): Promise<void> => {
    const { partition, tenantId } = patient;
    const verdict = judge(error, patient);
    if (verdict === 'stands still') {
      logger.error({ tenantId, code: error.code, err: error }, 'files of a tenant cannot be made');
      if (isNews(patient, error)) await options.volume.giveUp(tenantId, error);
      void tryAgain(patient, againAfterMs, signal);
      return;
    }
    logger.warn({ tenantId, err: error }, 'files of a tenant cannot be made yet; trying again');
    if (verdict === 'waits') {
      void tryAgain(patient, notYetAfterMs, signal);
      return;
    }
    trouble = error;
    queue.set(tenantId, partition);
    pause(signal);
  };

  return {
    add,
    async run(signal) {
      running = signal;
      pump();
      if (!signal.aborted)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      await Promise.all(atWork.values());
    },
    get tenants() {
      return queue.size + atWork.size + later.size;
    },
    trouble: () => trouble,
  };
}

/** A tenant that stands still already keeps its reason, where a new try has only found the archive no further than that. */
function isNews({ state }: Patient, { code }: EntError): boolean {
  return state.kind !== 'quarantined' || (code !== state.code && code !== 'INVALID_POSITION');
}

function asEntError(thrown: unknown, tenantId: string): EntError {
  if (thrown instanceof EntError) return thrown;
  return new EntError('INTERNAL', toError(thrown).message, { tenantId, cause: thrown });
}
