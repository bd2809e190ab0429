import { backoffMs, EntError, toError, type Clock, type Rng } from '@entdb/base';
import { healOne, mayPass, type HealContext } from './heal-one.ts';

/**
 * Gets tenants the files that the log alone cannot give them: those whose next record the log no longer has are made from snapshots and archive, and those that
 * came to a restore in place are made as that record says. A bounded number at once, in the order in which they came.
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
/** A tenant that stands still for want of its files: an object may have been brought back, or the archive may have gone on. */
const againAfterMs = 5 * 60_000;

export function createHealer(options: HealerOptions): Healer {
  const { tenants, logger, clock, rng } = options;
  /** In the order in which they came. */
  const queue = new Map<string, number>();
  const atWork = new Map<string, Promise<void>>();
  let running: AbortSignal | undefined;
  let trouble: EntError | undefined;
  let failures = 0;
  let paused: Promise<void> | undefined;

  const add: Healer['add'] = (partition, tenantId) => {
    queue.set(tenantId, partition);
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

  /** Tries again what stands still, after a while. */
  const tryAgain = async (partition: number, tenantId: string, signal: AbortSignal) => {
    await clock.sleep(againAfterMs, signal).catch(() => undefined); // woken by the end
    if (!signal.aborted && tenants.state(tenantId).kind === 'quarantined') add(partition, tenantId);
  };

  const heal = async (partition: number, tenantId: string, signal: AbortSignal): Promise<void> => {
    const state = tenants.state(tenantId);
    if (state.kind === 'active') return;
    options.onHeal('begun');
    try {
      await healOne(options, { partition, tenantId, state }, signal);
      options.onHeal('done');
      trouble = undefined;
      failures = 0;
    } catch (thrown) {
      if (signal.aborted) return;
      options.onHeal('failed');
      const error = asEntError(thrown, tenantId);
      if (mayPass(error)) {
        logger.warn({ tenantId, err: error }, 'files of a tenant cannot be made now; trying again');
        trouble = error;
        queue.set(tenantId, partition);
        pause(signal);
        return;
      }
      logger.error({ tenantId, code: error.code, err: error }, 'files of a tenant cannot be made');
      await options.volume.giveUp(tenantId, error);
      void tryAgain(partition, tenantId, signal);
    }
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
      return queue.size + atWork.size;
    },
    trouble: () => trouble,
  };
}

function asEntError(thrown: unknown, tenantId: string): EntError {
  if (thrown instanceof EntError) return thrown;
  return new EntError('INTERNAL', toError(thrown).message, { tenantId, cause: thrown });
}
