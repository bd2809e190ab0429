import { isEntError, toError, type Clock, type EntError, type Logger } from '@entdb/base';
import type { Health } from '@entdb/service-kit';
import type { WorkerClient } from '@entdb/threads';
import type { Wal } from '@entdb/wal';
import type { Applier } from './applier.ts';
import type { StoreWatch } from './heal/store-watch.ts';
import { observeEnds, publishStatus, type StatusOptions } from './status.ts';
import type { WriterMethods } from './writer/protocol.ts';

/** Looks at the whole from time to time: is the volume still there, how far are we, and says so to the fleet and to /health. */
export interface Overseer {
  /** Throws STORE_MISSING when the volume is gone. Everything else shows in the health. */
  look(): Promise<void>;
  /**
   * Resolves when every partition has met the log's end since this process started, or nobody can say when it will. Tenants that wait for files are not waited
   * for: the others can be served.
   */
  readonly caughtUp: Promise<void>;
}

export interface OverseerOptions extends StatusOptions {
  readonly wal: Pick<Wal, 'bounds'>;
  readonly writer: Pick<WorkerClient<WriterMethods>, 'call'>;
  readonly applier: Pick<Applier, 'lost' | 'undecided' | 'healing' | 'refusal' | 'storeTrouble'>;
  readonly store: Pick<StoreWatch, 'state'>;
  readonly health: Health;
  readonly logger: Logger;
  readonly clock: Clock;
}

export function createOverseer(options: OverseerOptions): Overseer {
  const { wal, writer, applier, store, health, logger, owned, progress, tenants } = options;
  const caughtUp = Promise.withResolvers<void>();

  const lookAtVolume = async () => {
    await writer.call('assertIntact', null);
    const refusal = applier.refusal();
    const troubled = tenants.troubled().size;
    if (refusal)
      health.set('sqlite', { kind: 'degraded', reason: `the disk refuses: ${refusal.message}` });
    else if (troubled > 0)
      health.set('sqlite', {
        kind: 'degraded',
        reason: `${troubled} tenants stand still or are being rebuilt`,
      });
    else health.set('sqlite', { kind: 'healthy' });
  };

  const lookAtLog = async () => {
    try {
      await observeEnds(wal, owned, progress);
    } catch (error) {
      health.set('wal', { kind: 'degraded', reason: toError(error).message });
      logger.warn({ err: toError(error) }, 'the log cannot be asked for its end');
      return;
    }
    health.set('wal', logState(applier.lost));
    const isSettled = (partition: number) =>
      !applier.undecided.has(partition) &&
      (applier.lost.has(partition) || progress.caughtUp(partition));
    if (owned.every(isSettled)) caughtUp.resolve();
  };

  const lookAtStore = () => {
    const trouble = applier.storeTrouble();
    const { healing } = applier;
    if (trouble && healing > 0)
      health.set('s3', {
        kind: 'degraded',
        reason: `${healing} tenants wait for files: ${trouble.message}`,
      });
    else health.set('s3', trouble ? { kind: 'degraded', reason: trouble.message } : store.state());
  };

  return {
    caughtUp: caughtUp.promise,
    async look() {
      try {
        await lookAtVolume();
      } catch (error) {
        if (isEntError(error, 'STORE_MISSING')) throw error;
        health.set('sqlite', { kind: 'degraded', reason: toError(error).message });
        logger.warn({ err: toError(error) }, 'the volume cannot be looked at');
      }
      await lookAtLog();
      lookAtStore();
      publishStatus(options);
    },
  };
}

function logState(lost: ReadonlyMap<number, EntError>) {
  return lost.size > 0
    ? {
        kind: 'degraded' as const,
        reason: `the log no longer reaches back for partitions ${[...lost.keys()].join(', ')}`,
      }
    : { kind: 'healthy' as const, text: 'connected' };
}
