import { backoffMs, isEntError, type Clock, type Logger, type Rng } from '@entdb/base';
import type { AppendRecord, Lane, Wal } from '@entdb/wal';

export interface OutletOptions {
  readonly wal: Pick<Wal, 'openLane'>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly queueBytesMax: number;
}

/** One partition's queue to the log: what waits goes out together, one lot at a time, in order. */
export interface Outlet {
  push(record: AppendRecord): void;
  /** As `push`, in place of what was given here before under the same key and still waits. */
  replace(record: AppendRecord): void;
  /** Takes no more; resolves when all that waits is in the log, or the signal gives it up. */
  close(signal: AbortSignal): Promise<void>;
}

const lotRecordsMax = 1_000;

export function createOutlet(topic: string, partition: number, options: OutletOptions): Outlet {
  const { wal, clock, rng, queueBytesMax } = options;
  const logger = options.logger.child({ topic, partition });
  const ended = new AbortController();
  let waiting: AppendRecord[] = [];
  const replaceable = new WeakSet<AppendRecord>();
  let waitingBytes = 0;
  let dropped = 0;
  let lane: Lane | undefined;
  let sending: Promise<void> | undefined;

  /** Those that the log does not have and may yet take. */
  const offer = async (records: readonly AppendRecord[]): Promise<readonly AppendRecord[]> => {
    try {
      lane ??= await wal.openLane(topic, partition);
    } catch (error) {
      logger.warn({ err: error }, 'no lane to the fleet; trying again');
      return records;
    }
    const own = lane;
    // One call each: a record that can never be written must not keep back the others. The lane makes batches of them.
    const outcomes = await Promise.allSettled(records.map((record) => own.append([record])));
    const refused = outcomes.map((outcome) =>
      outcome.status === 'rejected' ? { error: outcome.reason as unknown } : undefined,
    );
    const final = refused.filter((found) => found && !mayPass(found.error));
    if (final.length > 0)
      logger.error({ records: final.length, err: final[0]?.error }, 'records can never be told');
    const passing = refused.find((found) => found && mayPass(found.error));
    if (passing) logger.warn({ err: passing.error }, 'the fleet cannot be told; trying again');
    return records.filter((_, i) => refused[i] && mayPass(refused[i].error));
  };

  const renewLane = async () => {
    const failed = lane;
    lane = undefined;
    await failed?.close().catch((error: unknown) => logger.warn({ err: error }, 'a failed lane'));
  };

  const sendAll = async (): Promise<void> => {
    let failures = 0;
    while (waiting.length > 0 && !ended.signal.aborted) {
      const lot = waiting.slice(0, lotRecordsMax);
      take(lot);
      const left = await offer(lot);
      if (left.length === 0) {
        failures = 0;
        continue;
      }
      giveBack(left);
      await renewLane();
      failures += 1;
      await clock
        .sleep(backoffMs(failures, { initialMs: 50, maxMs: 2_000, rng }), ended.signal)
        .catch(() => undefined); // the loop ends by the signal
    }
    sending = undefined; // in the same breath as the look at the queue: what is pushed next starts anew
  };

  const take = (lot: readonly AppendRecord[]) => {
    waiting = waiting.slice(lot.length);
    for (const record of lot) waitingBytes -= sizeOf(record);
  };
  const giveBack = (left: readonly AppendRecord[]) => {
    waiting = [...left, ...waiting];
    for (const record of left) waitingBytes += sizeOf(record);
  };

  const push = (record: AppendRecord) => {
    if (ended.signal.aborted) return;
    if (waitingBytes + sizeOf(record) > queueBytesMax) {
      if (dropped === 0) logger.warn({ queueBytesMax }, 'the queue to the fleet is full: dropping');
      dropped += 1;
      return;
    }
    if (dropped > 0) logger.warn({ dropped }, 'the queue to the fleet has room again');
    dropped = 0;
    waiting.push(record);
    waitingBytes += sizeOf(record);
    sending ??= sendAll();
  };

  return {
    push,
    replace(record) {
      const isStale = (other: AppendRecord) => other.key === record.key && replaceable.has(other);
      for (const old of waiting.filter(isStale)) waitingBytes -= sizeOf(old);
      waiting = waiting.filter((other) => !isStale(other));
      replaceable.add(record);
      push(record);
    },
    async close(signal) {
      const given = new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
        if (signal.aborted) resolve();
      });
      await Promise.race([sending, given]);
      ended.abort();
      await lane?.close(); // bounded; ends what is in flight
      await sending;
      if (waiting.length > 0)
        logger.warn({ records: waiting.length }, 'the fleet was not told all');
    },
  };
}

function mayPass(error: unknown): boolean {
  return isEntError(error) && error.retriable;
}

function sizeOf({ key, value }: AppendRecord): number {
  return key.length + value.byteLength + 100;
}
