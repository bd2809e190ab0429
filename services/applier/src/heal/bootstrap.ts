import { backoffMs, EntError, isEntError, type Clock, type Logger, type Rng } from '@entdb/base';
import type { ExpectedTenant } from '@entdb/tenant-store';
import type { Wal } from '@entdb/wal';
import { logStartPassed } from '../log-start-passed.ts';
import { partitionGap, reachOf, type Reach } from './continuity.ts';
import { mayPass } from './heal-one.ts';
import type { StoreAtHand } from './store-at-hand.ts';

/**
 * Begins partitions at the log's start whose next record the log no longer holds: of an empty volume, or of one that was away for longer than the log keeps
 * its records. The archiver's mark says that every record before that start is archived, so the archive names every tenant that has one; each of them
 * then waits for its files, and the partition goes on.
 *
 * Where the mark lies before the log's start there may be tenants of which nobody knows: such a partition stands still with LOG_START_PASSED. It is tried again all the
 * same: the mark is the archiver's, and a person may mend it.
 */
export interface Bootstrap {
  /** Resolves when all have begun, or after the signal. */
  run(signal: AbortSignal): Promise<void>;
  /** Partitions that stand still, and why. */
  readonly lost: ReadonlyMap<number, EntError>;
  /** Partitions whose fate is not known yet: nobody has answered so far. */
  readonly undecided: ReadonlySet<number>;
  trouble(): EntError | undefined;
}

export interface BootstrapOptions {
  readonly wal: Pick<Wal, 'bounds' | 'committed'>;
  readonly store: StoreAtHand;
  readonly partitionOf: (tenantId: string) => number;
  /** In one step: the partition goes on at the offset, and those are its tenants from before. */
  readonly begin: (
    partition: number,
    offset: number,
    expected: readonly ExpectedTenant[],
    signal: AbortSignal,
  ) => Promise<void>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly rng: Rng;
}

const pauseInitialMs = 500;
const pauseMaxMs = 60_000;

/** `missing`: the partitions, and the offset that must come next in each. */
export function createBootstrap(
  missing: ReadonlyMap<number, number>,
  options: BootstrapOptions,
): Bootstrap {
  const { wal, store, logger, clock, rng } = options;
  const lost = new Map<number, EntError>();
  const undecided = new Set(missing.keys());
  let trouble: EntError | undefined;
  for (const partition of undecided) lost.set(partition, beingBegun(partition));

  const begin = async (reaches: readonly Reach[], signal: AbortSignal): Promise<void> => {
    const tenantIds = await store.tenants(signal);
    for (const { partition, startOffset } of reaches) {
      const expected = tenantIds
        .filter((tenantId) => options.partitionOf(tenantId) === partition)
        // Where its history begins is in its objects; until those are fetched, anywhere.
        .map((tenantId) => ({ tenantId, firstOffset: 0 }));
      await options.begin(partition, startOffset, expected, signal);
      lost.delete(partition);
      logger.info(
        { partition, startOffset, tenants: expected.length },
        'a partition begins at the log’s start; what lies before comes from the object store',
      );
    }
  };

  /** One try for all. */
  const attempt = async (signal: AbortSignal): Promise<void> => {
    const reaches = await Promise.all([...lost.keys()].map((each) => reachOf(wal, each)));
    const none = await store.missing(signal);
    const possible: Reach[] = [];
    for (const reach of reaches) {
      const { partition, startOffset } = reach;
      const wanted = missing.get(partition) ?? 0;
      const error =
        none === undefined
          ? partitionGap(wanted, reach)
          : logStartPassed(partition, wanted, startOffset, none);
      if (!error) possible.push(reach);
      else if (lost.get(partition)?.message !== error.message) {
        logger.error({ partition, err: error }, 'the log no longer reaches back far enough');
        lost.set(partition, error);
      }
    }
    if (possible.length > 0) await begin(possible, signal);
  };

  return {
    lost,
    undecided,
    trouble: () => trouble,
    async run(signal) {
      for (let failures = 0; lost.size > 0 && !signal.aborted; failures++) {
        try {
          await attempt(signal);
          trouble = undefined;
        } catch (error) {
          if (signal.aborted) return;
          if (!isEntError(error) || !mayPass(error)) throw error;
          trouble = error;
          logger.warn(
            { err: error },
            'partitions cannot be begun from the object store; trying again',
          );
        }
        undecided.clear();
        if (lost.size === 0) return;
        const ms = backoffMs(failures, { initialMs: pauseInitialMs, maxMs: pauseMaxMs, rng });
        await clock.sleep(ms, signal).catch(() => undefined); // woken by the end
      }
    },
  };
}

function beingBegun(partition: number): EntError {
  return new EntError(
    'NOT_CAUGHT_UP',
    `partition ${partition} is being brought back from the object store`,
    { retryAfterMs: 1_000, hint: 'retry, or ask another replica' },
  );
}
