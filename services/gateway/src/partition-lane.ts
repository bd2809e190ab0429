import {
  backoffMs,
  EntError,
  isEntError,
  toError,
  type Clock,
  type Logger,
  type Rng,
} from '@entdb/base';
import {
  recordBytes,
  type AppendReceipt,
  type AppendRecord,
  type Lane,
  type LaneLimits,
} from '@entdb/wal';

/**
 * The way to one partition for the life of the process: opens a lane when it is first needed, and another when that one has failed.
 *
 * - A record that a failed lane had in flight is OUTCOME_UNKNOWN, for good: only the caller may decide to send it again.
 * - A record that only waited was not sent: it goes to the next lane by itself, in its old order.
 * - Records of one turn of the event loop are handed over together: one call for as many as a batch may have, and one answer.
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
  /** Those that the lanes were opened with. */
  readonly limits: LaneLimits;
  /** Told of each lane that has failed. */
  readonly onFailed: () => void;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

/** One call of `append`. */
interface Waiting {
  readonly record: AppendRecord;
  readonly signal: AbortSignal;
  readonly resolve: (receipt: AppendReceipt) => void;
  readonly reject: (error: unknown) => void;
}

const reopenInitialMs = 20;
const reopenMaxMs = 1_000;

export function createPartitionLane(options: PartitionLaneOptions): PartitionLane {
  const { name, clock, rng, logger } = options;
  const stop = new AbortController();
  const retired = new Set<Promise<void>>();
  let gathered: Waiting[] = [];
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

  /** Ends when a lane takes the records or refuses them for a reason of its own, when none can be opened, or by their signals. */
  const handOver = async (group: readonly Waiting[]): Promise<void> => {
    try {
      if (stop.signal.aborted) throw stop.signal.reason;
      // Without a wait where there is a lane: records keep the order in which they were given.
      const current = lane ?? (await (opening ??= open()));
      for (const call of callsThatFit(group.filter(isWanted), current, options.limits))
        void appendCall(current, call);
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  };

  const appendCall = async (current: Lane, call: readonly Waiting[]): Promise<void> => {
    try {
      const receipt = await current.append(call.map(({ record }) => record));
      failures = 0;
      call.forEach(({ resolve }, i) => resolve({ ...receipt, baseOffset: receipt.baseOffset + i }));
    } catch (error) {
      if (current.poisoned) retire(current);
      if (isEntError(error, 'LANE_POISONED')) return handOver(call);
      for (const { reject } of call) reject(error);
    }
  };

  return {
    append: (record, signal) =>
      new Promise((resolve, reject) => {
        gathered.push({ record, signal, resolve, reject });
        if (gathered.length > 1) return;
        queueMicrotask(() => {
          const group = gathered;
          gathered = [];
          void handOver(group);
        });
      }),
    pendingBytes: () => lane?.pending.bytes ?? 0,
    close: async () => {
      stop.abort(new EntError('SHUTTING_DOWN', `the lane ${name} is closed; nothing was sent`));
      await Promise.all([opening?.catch(() => {}), lane?.close(), ...retired]); // an opening's failure is its callers' news
    },
  };
}

/** Whether the record is still to be sent; its caller has been told where it is not. */
function isWanted({ signal, reject }: Waiting): boolean {
  if (!signal.aborted) return true;
  reject(signal.reason);
  return false;
}

/**
 * A call is taken or refused as a whole: so it has no more than fits one batch, and where the lane is nearly full each record goes by itself, so
 * that as many are taken as there is room for.
 */
function callsThatFit(
  group: readonly Waiting[],
  { pending }: Lane,
  limits: LaneLimits,
): readonly (readonly Waiting[])[] {
  const calls: Waiting[][] = [];
  let call: Waiting[] = [];
  let callBytes = 0;
  let allBytes = 0;
  for (const waiting of group) {
    const bytes = recordBytes(waiting.record);
    const isFull =
      call.length === limits.batchRecordsMax || callBytes + bytes > limits.batchBytesMax;
    if (call.length === 0 || isFull) {
      call = [];
      calls.push(call);
      callBytes = 0;
    }
    call.push(waiting);
    callBytes += bytes;
    allBytes += bytes;
  }
  const hasRoom =
    pending.records + group.length <= limits.pendingRecordsMax &&
    pending.bytes + allBytes <= limits.pendingBytesMax;
  return hasRoom ? calls : group.map((waiting) => [waiting]);
}
