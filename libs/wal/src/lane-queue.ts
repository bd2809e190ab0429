import { EntError, type Clock } from '@entdb/base';
import { recordBytes, refusal } from './lane-admission.ts';
import {
  defaultLaneLimits,
  type AppendReceipt,
  type AppendRecord,
  type Lane,
  type LaneLimits,
} from './wal.ts';

/**
 * The queue behind every lane: group commit, limits, poison and close, the same for each adapter. The adapter gives `send`
 * and nothing else, and `send` is never called while an earlier one is pending: with kafkajs two sends under way to one
 * partition are how an acknowledged write gets lost.
 */
export interface LaneOptions {
  readonly topic: string;
  readonly partition: number;
  readonly limits?: Partial<LaneLimits>;
  readonly clock: Clock;
  /**
   * Makes the batch durable, in order and together, and answers with the offset of its first record. Retrying is its own
   * affair; once it rejects, the outcome is taken to be unknown and the lane is poisoned.
   */
  readonly send: (batch: readonly AppendRecord[]) => Promise<number>;
  /** Frees what the adapter holds for the lane. Called once, at the end of `close`, whatever happened before. */
  readonly release?: () => Promise<void>;
  /** What `close` grants to the calls it finds; those that are not done by then are rejected. */
  readonly closeWaitMs?: number;
}

const closeWaitMsDefault = 10_000;

/** One call of `append`, waiting or in flight. */
interface Call {
  readonly records: readonly AppendRecord[];
  readonly bytes: number;
  readonly resolve: (receipt: AppendReceipt) => void;
  readonly reject: (error: EntError) => void;
}

export function createLane(options: LaneOptions): Lane {
  const { topic, partition, clock, send } = options;
  const limits: LaneLimits = { ...defaultLaneLimits, ...options.limits };
  const name = `${topic}/${partition}`;

  let waiting: Call[] = [];
  let inFlight: readonly Call[] = [];
  let pendingRecords = 0;
  let pendingBytes = 0;
  /** Where the next batch must stand at the least: a log that answers with less did not write it. */
  let nextOffsetMin = 0;
  let pumping = false;
  let poison: EntError | undefined;
  let closing: Promise<void> | undefined;
  let onIdle: (() => void) | undefined;

  const settle = (calls: readonly Call[], each: (call: Call) => void) => {
    for (const call of calls) {
      pendingRecords -= call.records.length;
      pendingBytes -= call.bytes;
      each(call);
    }
  };

  /** At least one call, then as many as the batch limits let in: a call is never split. */
  const takeBatch = (): readonly Call[] => {
    let records = 0;
    let bytes = 0;
    const end = waiting.findIndex((call, index) => {
      records += call.records.length;
      bytes += call.bytes;
      return index > 0 && (records > limits.batchRecordsMax || bytes > limits.batchBytesMax);
    });
    return waiting.splice(0, end === -1 ? waiting.length : end);
  };

  const acknowledge = (calls: readonly Call[], baseOffset: number) => {
    let offset = baseOffset;
    settle(calls, (call) => {
      call.resolve({ topic, partition, baseOffset: offset });
      offset += call.records.length;
    });
    nextOffsetMin = offset;
  };

  const fail = (cause: unknown) => {
    poison = new EntError(
      'OUTCOME_UNKNOWN',
      `log ${name} did not confirm an append: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause, hint: 'retry with the same idempotency key' },
    );
    const unknown = poison;
    settle(inFlight, (call) => call.reject(unknown));
    inFlight = [];
    const unsent = waiting;
    waiting = [];
    settle(unsent, (call) => call.reject(poisoned(unknown)));
  };

  const poisoned = (cause: EntError) =>
    new EntError('LANE_POISONED', `lane ${name} has failed; the records were not sent`, {
      cause,
      hint: 'close the lane and open another',
    });

  /** The bytes of a call that may enter; throws for one that may not. */
  const admit = (records: readonly AppendRecord[]): number => {
    if (closing) throw new EntError('SHUTTING_DOWN', `lane ${name} is closed; nothing was sent`);
    if (poison) throw poisoned(poison);
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
    const pending = { records: pendingRecords, bytes: pendingBytes };
    const refused = refusal({ name, records, bytes, pending, limits });
    if (refused) throw refused;
    return bytes;
  };

  const pump = async () => {
    while (waiting.length > 0 && !poison) {
      inFlight = takeBatch();
      try {
        const baseOffset = await send(inFlight.flatMap((call) => call.records));
        if (poison) break; // `close` gave up on it meanwhile
        if (!Number.isSafeInteger(baseOffset) || baseOffset < nextOffsetMin) {
          throw new Error(
            `it answered with offset ${baseOffset} where at least ${nextOffsetMin} is due`,
          );
        }
        const done = inFlight;
        inFlight = [];
        acknowledge(done, baseOffset);
      } catch (error) {
        if (!poison) fail(error);
      }
    }
    pumping = false;
    onIdle?.();
  };

  const startPump = () => {
    if (pumping) return;
    pumping = true;
    queueMicrotask(() => void pump()); // so that the calls of one turn of the event loop make one batch
  };

  /** Ends when nothing is pending, or after `closeWaitMs` by giving up on what is. */
  const drain = async () => {
    if (!pumping) return;
    const idle = new Promise<void>((resolve) => {
      onIdle = resolve;
    });
    const timer = new AbortController();
    const waitMs = options.closeWaitMs ?? closeWaitMsDefault;
    const late = clock.sleep(waitMs, timer.signal).then(
      () => true,
      () => false,
    );
    if (await Promise.race([idle.then(() => false), late])) {
      fail(new Error(`no answer within ${waitMs} ms of closing`));
    }
    timer.abort();
  };

  return {
    topic,
    partition,
    get poisoned() {
      return poison !== undefined;
    },
    get pending() {
      return { records: pendingRecords, bytes: pendingBytes };
    },
    append: async (records) => {
      const bytes = admit(records);
      pendingRecords += records.length;
      pendingBytes += bytes;
      startPump();
      return new Promise((resolve, reject) => {
        waiting.push({ records, bytes, resolve, reject });
      });
    },
    close: () => (closing ??= drain().then(options.release)),
  };
}
