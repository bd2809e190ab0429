import { backoffMs, isEntError, toError, type Clock, type Logger, type Rng } from '@entdb/base';
import type { DigestLedger } from '@entdb/fleet';
import { statusTopic, type Wal } from '@entdb/wal';

/** Listening to what appliers publish. The snapshotter does its work without, and says so. */
export interface Hearing {
  /** Resolves when what was said before is known, or when it turns out that it cannot be. */
  readonly settled: Promise<void>;
  /** Why nothing is heard at present. */
  trouble(): string | undefined;
  /** Until the signal. */
  run(): Promise<void>;
}

export interface HearingOptions {
  readonly wal: Pick<Wal, 'bounds' | 'consume' | 'offsetForTime'>;
  readonly ledger: Pick<DigestLedger, 'hear'>;
  /** Before each attempt. */
  readonly prepare?: () => Promise<void>;
  /** What was said so long ago is still evidence. */
  readonly lookBackMs: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const backoff = { initialMs: 200, maxMs: 10_000 };

export function createHearing(options: HearingOptions): Hearing {
  const { wal, ledger, lookBackMs, clock, rng, logger, signal } = options;
  const settled = Promise.withResolvers<void>();
  let trouble: string | undefined = 'entdb-status has not answered yet';
  let failures = 0;
  /** The next record to hear; undefined: begin anew. */
  let next: number | undefined;

  const listen = async (): Promise<void> => {
    await options.prepare?.();
    const { startOffset, endOffset } = await wal.bounds(statusTopic, 0);
    next ??= await wal.offsetForTime(statusTopic, 0, clock.now() - lookBackMs);
    const from = Math.min(Math.max(next, startOffset), endOffset);
    trouble = undefined;
    if (from >= endOffset) settled.resolve();
    await wal.consume({
      topic: statusTopic,
      from: new Map([[0, from]]),
      signal,
      onBatch: async ({ records }) => {
        failures = 0;
        for (const record of records) {
          ledger.hear(record);
          next = record.offset + 1;
        }
        if ((next ?? 0) >= endOffset) settled.resolve();
      },
    });
  };

  return {
    settled: settled.promise,
    trouble: () => trouble,
    async run() {
      while (!signal.aborted) {
        try {
          await listen();
        } catch (error) {
          if (signal.aborted) return;
          // Records that the topic no longer has are of no use to anybody.
          if (isEntError(error, 'LOG_START_PASSED') || isEntError(error, 'LOG_TRUNCATED'))
            next = undefined;
          trouble = toError(error).message;
          settled.resolve();
          logger.warn({ err: toError(error) }, 'what appliers publish cannot be heard');
          await clock.sleep(backoffMs(failures, { ...backoff, rng }), signal).catch(() => {}); // woken by the end
          failures += 1;
        }
      }
    },
  };
}
