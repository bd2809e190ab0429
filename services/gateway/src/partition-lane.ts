import {
  backoffMs,
  EntError,
  isEntError,
  toError,
  type Clock,
  type Logger,
  type Rng,
} from '@entdb/base';
import type { AppendReceipt, AppendRecord, Lane } from '@entdb/wal';

/**
 * The way to one partition for the life of the process: opens a lane when it is first needed, and another when that one has failed.
 *
 * - A record that a failed lane had in flight is OUTCOME_UNKNOWN, for good: only the caller may decide to send it again.
 * - A record that only waited was not sent: it goes to the next lane by itself, in its old order.
 */
export interface PartitionLane {
  /** The signal keeps a record from being handed to a lane; it takes none back. */
  append(record: AppendRecord, signal: AbortSignal): Promise<AppendReceipt>;
  pendingBytes(): number;
  /** Waits for what is in flight. Nothing is sent afterwards. */
  close(): Promise<void>;
}

export interface PartitionLaneOptions {
  readonly name: string;
  readonly open: () => Promise<Lane>;
  /** Told of each lane that has failed. */
  readonly onFailed: () => void;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

const reopenInitialMs = 20;
const reopenMaxMs = 1_000;

export function createPartitionLane(options: PartitionLaneOptions): PartitionLane {
  const { name, clock, rng, logger } = options;
  const stop = new AbortController();
  const retired = new Set<Promise<void>>();
  let lane: Lane | undefined;
  let opening: Promise<Lane> | undefined;
  /** Lanes that failed, or did not open, since the last append that succeeded. */
  let failures = 0;

  const open = async (): Promise<Lane> => {
    try {
      if (failures > 0) {
        const ms = backoffMs(failures - 1, { initialMs: reopenInitialMs, maxMs: reopenMaxMs, rng });
        await clock.sleep(ms, stop.signal);
      }
      const opened = await options.open();
      if (stop.signal.aborted) {
        await opened.close();
        throw stop.signal.reason;
      }
      lane = opened;
      return opened;
    } catch (error) {
      failures += 1;
      throw error;
    } finally {
      opening = undefined;
    }
  };

  const retire = (failed: Lane) => {
    if (lane !== failed) return;
    lane = undefined;
    failures += 1;
    options.onFailed();
    logger.warn({ lane: name, failures }, 'a lane failed and is replaced');
    const closed = failed
      .close()
      .catch((error: unknown) =>
        logger.warn({ err: toError(error), lane: name }, 'a failed lane did not close cleanly'),
      )
      .finally(() => retired.delete(closed));
    retired.add(closed);
  };

  return {
    append: async (record, signal) => {
      // Ends when a lane takes the record or refuses it for a reason of its own, when none can be opened, or by the signal.
      for (;;) {
        if (stop.signal.aborted) throw stop.signal.reason;
        // Without a wait where there is a lane: records keep the order in which they were given.
        const current = lane ?? (await (opening ??= open()));
        if (signal.aborted) throw signal.reason;
        try {
          const receipt = await current.append([record]);
          failures = 0;
          return receipt;
        } catch (error) {
          if (current.poisoned) retire(current);
          if (!isEntError(error, 'LANE_POISONED')) throw error;
        }
      }
    },
    pendingBytes: () => lane?.pending.bytes ?? 0,
    close: async () => {
      stop.abort(new EntError('SHUTTING_DOWN', `the lane ${name} is closed; nothing was sent`));
      await Promise.all([opening?.catch(() => {}), lane?.close(), ...retired]); // an opening's failure is its callers' news
    },
  };
}
