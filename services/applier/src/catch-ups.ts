import { toError, type Clock, type Logger } from '@entdb/base';
import type { CatchUp, PlacedBytes, ShardNews } from '@entdb/tenant-store';
import { walTopic, type Wal } from '@entdb/wal';
import type { Tenants } from './tenants.ts';

/**
 * Brings tenants that are behind up to their partition's progress, apart from those that follow it. A partition is read once for many of them:
 * one pass at a time, a bounded number of tenants in it. Whoever falls behind meanwhile waits for the next pass.
 */
export interface CatchUps {
  add(partition: number, tenantId: string): void;
  /** Begins; resolves after the signal, when the last pass has ended. */
  run(signal: AbortSignal): Promise<void>;
}

export interface CatchUpsOptions {
  readonly wal: Pick<Wal, 'bounds' | 'consume'>;
  readonly tenants: Pick<Tenants, 'state'>;
  /** Gives records to the store and tells what came of it. */
  readonly feed: (
    step: CatchUp,
    records: readonly PlacedBytes[],
    signal: AbortSignal,
  ) => Promise<ShardNews>;
  /** The log no longer has what this tenant needs next. */
  readonly beyondLog: (partition: number, tenantId: string) => void;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Partitions that are read at the same time. */
  readonly passesMax: number;
  readonly tenantsPerPassMax: number;
}

/** Between two tries of the same tenants: what failed once fails again at once, as a rule. */
const pauseMs = 1_000;

export function createCatchUps(options: CatchUpsOptions): CatchUps {
  const { wal, tenants, feed, beyondLog, logger, clock } = options;
  const waiting = new Map<number, Set<string>>();
  const passes = new Map<number, Promise<void>>();
  let running: AbortSignal | undefined;

  const add: CatchUps['add'] = (partition, tenantId) => {
    const own = waiting.get(partition) ?? new Set();
    waiting.set(partition, own.add(tenantId));
    pump();
  };

  const needsRecords = (tenantId: string): boolean => {
    const state = tenants.state(tenantId);
    return state.kind === 'behind' && state.needs.kind === 'records';
  };

  const take = (partition: number): readonly string[] => {
    const own = waiting.get(partition) ?? new Set();
    const taken = [...own].slice(0, options.tenantsPerPassMax);
    for (const tenantId of taken) own.delete(tenantId);
    if (own.size === 0) waiting.delete(partition);
    return taken;
  };

  const pump = (): void => {
    const signal = running;
    if (!signal || signal.aborted) return;
    for (const partition of waiting.keys()) {
      if (passes.size >= options.passesMax) return;
      if (passes.has(partition)) continue;
      const pass = go(partition, take(partition), signal).finally(() => {
        passes.delete(partition);
        pump();
      });
      passes.set(partition, pass);
    }
  };

  const go = async (partition: number, taken: readonly string[], signal: AbortSignal) => {
    const handedOn = new Set<string>();
    try {
      await readFor(partition, taken, handedOn, signal);
    } catch (error) {
      if (signal.aborted) return;
      logger.error(
        { partition, tenants: taken.length, err: toError(error) },
        'catching tenants up failed; trying again',
      );
    }
    const left = taken.filter((tenantId) => needsRecords(tenantId) && !handedOn.has(tenantId));
    if (left.length === 0 || signal.aborted) return;
    await clock.sleep(pauseMs, signal).catch(() => undefined); // woken by the end
    for (const tenantId of left) add(partition, tenantId);
  };

  /** One pass: reads on from where the first of them stopped, until each has met the partition's progress or changed otherwise. */
  const readFor = async (
    partition: number,
    taken: readonly string[],
    handedOn: Set<string>,
    signal: AbortSignal,
  ) => {
    const { startOffset } = await wal.bounds(walTopic, partition);
    const left = new Set<string>();
    let next = Infinity;
    for (const tenantId of taken) {
      const state = tenants.state(tenantId);
      if (state.kind !== 'behind' || state.needs.kind !== 'records') continue;
      if (state.fromOffset < startOffset) {
        handedOn.add(tenantId);
        beyondLog(partition, tenantId);
        continue;
      }
      left.add(tenantId);
      next = Math.min(next, state.fromOffset);
    }
    if (left.size === 0) return;
    logger.info(
      { partition, fromOffset: next, tenants: left.size, first: taken[0] },
      'catching tenants up from the log',
    );
    const done = new AbortController();
    await wal.consume({
      topic: walTopic,
      from: new Map([[partition, next]]),
      signal: AbortSignal.any([signal, done.signal]),
      onBatch: async ({ records }) => {
        if (done.signal.aborted) return;
        const step = {
          partition,
          tenantIds: [...left],
          from: next,
          next: records.at(-1)!.offset + 1,
        };
        const own = records.filter(({ key }) => left.has(key));
        const { states } = await feed(step, own, signal);
        next = step.next;
        for (const { tenantId } of states) left.delete(tenantId);
        if (left.size === 0) done.abort();
      },
    });
  };

  return {
    add,
    async run(signal) {
      running = signal;
      pump();
      if (!signal.aborted)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      await Promise.all(passes.values());
    },
  };
}
