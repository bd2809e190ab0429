import {
  EntError,
  isEntError,
  toError,
  type Clock,
  type ErrorCode,
  type Logger,
  type Rng,
} from '@entdb/base';
import {
  decodeResultRecord,
  positionFromWire,
  type LogPosition,
  type ResultRecord,
} from '@entdb/contracts';
import { resultsTopic, walTopic, type LogRecord, type Wal } from '@entdb/wal';
import type { Caller } from './caller.ts';
import { follow, type Following } from './follow.ts';
import type { CommandKey } from './validate/request.ts';

/**
 * Verdicts, as appliers publish them for those who wait. They are news: the stored verdict is in the tenant's file, and whoever misses one here
 * asks for it there (GetResult).
 *
 * A verdict answers the record that it names by position. It may come before the gateway has heard of that position: so the wait begins
 * *before* the append, under the key, and what comes early for that key is kept with it. Nothing is kept for keys that nobody waits for.
 */
export interface Results {
  /** To be named in records that ask for a verdict. */
  readonly partition: number;
  /** To be called before the append. Throws RESOURCE_EXHAUSTED when too many wait. */
  expect(key: CommandKey, caller: Caller): Expectation;
  waiting(): number;
  follow(): Following;
  close(): void;
}

export interface Expectation {
  /**
   * The verdict on the record at this position. Rejects with DEADLINE_EXCEEDED a little before the caller's deadline, so that the caller hears
   * where its record stands; with the signal's reason soon after it was aborted.
   */
  verdictAt(position: LogPosition): Promise<ResultRecord>;
  /** Ends the wait, whatever its state. */
  drop(): void;
}

export interface ResultsOptions {
  readonly wal: Wal;
  readonly partition: number;
  readonly waitingMax: number;
  /** The longest wait for a verdict, for calls whose own deadline is far: streams live for hours. */
  readonly verdictWaitMsMax: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

/** How often waits are looked at: for those whose time is over, and those whose caller is gone. */
const sweepMs = 20;
/** What the answer needs on its way to the caller; a fifth of short deadlines. */
const answerMs = 50;
/** More early verdicts than this for one key come from a storm of retries; the oldest is dropped. */
const earlyMax = 32;
const retryAfterMs = 100;

interface Verdict {
  readonly record: ResultRecord;
  readonly askedAt: LogPosition;
}

interface Wait {
  readonly caller: Caller;
  readonly expiresAt: number;
  readonly early: Verdict[];
  pending?: {
    readonly position: LogPosition;
    readonly resolve: (record: ResultRecord) => void;
    readonly reject: (error: EntError) => void;
  };
}

export function createResults(options: ResultsOptions): Results {
  const { partition, clock, logger } = options;
  const stop = new AbortController();
  const waits = new Map<string, Set<Wait>>();
  let waiting = 0;
  let sweeping = false;
  const all = () => [...waits.values()].flatMap((group) => [...group]);

  const take = (record: LogRecord) => {
    let verdict: Verdict | undefined;
    try {
      verdict = readVerdict(record);
    } catch (error) {
      // Who waits for it will time out and ask GetResult; others must not suffer.
      logger.error(
        { err: toError(error), offset: record.offset },
        'a result record cannot be read',
      );
    }
    if (verdict) tell(verdict);
  };

  const tell = (verdict: Verdict) => {
    for (const wait of waits.get(nameOf(verdict.record)) ?? []) {
      if (wait.pending === undefined) {
        if (wait.early.length === earlyMax) wait.early.shift();
        wait.early.push(verdict);
      } else if (isAbout(verdict, wait.pending.position)) wait.pending.resolve(verdict.record);
    }
  };

  const sweep = async () => {
    sweeping = true;
    try {
      while (waiting > 0) {
        await clock.sleep(sweepMs, stop.signal);
        const horizon = clock.monotonic() + sweepMs;
        for (const wait of all()) {
          const code = endOf(wait, horizon);
          if (code) letGo(wait, code);
        }
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
      for (const wait of all()) letGo(wait, 'SHUTTING_DOWN');
    } finally {
      sweeping = false;
    }
  };

  return {
    partition,
    waiting: () => waiting,
    expect: (key, caller) => {
      if (waiting >= options.waitingMax) {
        throw new EntError(
          'RESOURCE_EXHAUSTED',
          `${waiting} transactions wait for their verdict, which is the limit`,
          {
            tenantId: key.tenantId,
            retryAfterMs,
          },
        );
      }
      const now = clock.monotonic();
      const ownMs = caller.deadline - now;
      const expiresAt =
        now + Math.min(ownMs - Math.min(answerMs, ownMs / 5), options.verdictWaitMsMax);
      const wait: Wait = { caller, expiresAt, early: [] };
      const name = nameOf(key);
      const group = waits.get(name) ?? new Set();
      waits.set(name, group.add(wait));
      waiting += 1;
      if (!sweeping) void sweep();

      const drop = () => {
        if (!group.delete(wait)) return;
        waiting -= 1;
        if (group.size === 0) waits.delete(name);
      };
      return {
        drop,
        verdictAt: (position) => {
          const known = wait.early.find((verdict) => isAbout(verdict, position));
          if (known) return Promise.resolve(known.record);
          return new Promise((resolve, reject) => {
            wait.pending = { position, resolve, reject };
          });
        },
      };
    },
    follow: () =>
      follow({
        ...options,
        topic: resultsTopic,
        from: async () => (await options.wal.bounds(resultsTopic, partition)).endOffset,
        onRecord: take,
        signal: stop.signal,
      }),
    close: () => stop.abort(new EntError('SHUTTING_DOWN', 'the gateway is stopping')),
  };
}

function nameOf({
  tenantId,
  idempotencyKey,
}: {
  readonly tenantId: string;
  readonly idempotencyKey: string;
}): string {
  return `${tenantId}\0${idempotencyKey}`; // neither has a NUL
}

/** Throws RECORD_CORRUPT, UNKNOWN_FORMAT, INVALID_POSITION. */
function readVerdict({ key, value }: LogRecord): Verdict {
  const record = decodeResultRecord(key, value);
  if (!record.askedAt)
    throw new EntError('RECORD_CORRUPT', 'a result record names no position', { tenantId: key });
  return { record, askedAt: positionFromWire(record.askedAt) };
}

function isAbout({ askedAt }: Verdict, { partition, offset }: LogPosition): boolean {
  return askedAt.topic === walTopic && askedAt.partition === partition && askedAt.offset === offset;
}

/** Why a wait must end by `horizon`, if so: its caller is gone, or its time is over. */
function endOf({ caller, expiresAt }: Wait, horizon: number): ErrorCode | undefined {
  const { signal } = caller;
  if (signal.aborted) return isEntError(signal.reason) ? signal.reason.code : 'CANCELED';
  return expiresAt > horizon ? undefined : 'DEADLINE_EXCEEDED';
}

function letGo({ pending, caller }: Wait, code: ErrorCode): void {
  if (!pending) return; // its record is on its way to the log, and that is not taken back
  const { topic, partition, offset } = pending.position;
  pending.reject(
    new EntError(
      code,
      `the transaction is in the log at ${topic}/${partition}/${offset}; its verdict is not known yet`,
      {
        position: pending.position,
        hint: 'ask QueryService.GetResult for the verdict, or send the same request with the same key again',
        retryAfterMs,
        cause: caller.signal.reason,
      },
    ),
  );
}
