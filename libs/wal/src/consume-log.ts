import { backoffMs, EntError, isEntError, type Clock, type Rng } from '@entdb/base';
import type { ConsumeOptions, LogBounds, LogRecord } from './wal.ts';

/** What a reader found: records from the wanted offset on, and the bounds as they were at that moment. */
export interface LogSlice extends LogBounds {
  readonly records: readonly LogRecord[];
}

/** A log that can be read by position: what `consumeLog` needs of an adapter that keeps its own records. */
export interface LogSource {
  bounds(topic: string, partition: number): Promise<LogBounds>;
  /**
   * Resolves when there is something to say: records at `offset`, or bounds that no longer hold it. Until then it waits;
   * an abort ends the wait with an empty slice.
   */
  read(topic: string, partition: number, offset: number, signal: AbortSignal): Promise<LogSlice>;
}

export interface RetryPorts {
  readonly clock: Clock;
  readonly rng: Rng;
}

/** `Wal.consume` over a source, with its checks: every record from the wanted position on, once, in order, or a named error. */
export async function consumeLog(
  source: LogSource,
  options: ConsumeOptions,
  ports: RetryPorts,
): Promise<void> {
  const { topic, from, onBatch } = options;
  // One partition's failure ends them all, each after the batch that it is handling.
  const failure = new AbortController();
  const signal = AbortSignal.any([options.signal, failure.signal]);

  const position = async ([partition, offset]: readonly [number, number]) => {
    const bounds = await persist(() => source.bounds(topic, partition), signal, ports);
    if (bounds) assertHeld(topic, partition, offset, bounds);
  };

  const follow = async ([partition, first]: readonly [number, number]) => {
    let offset = first;
    while (!signal.aborted) {
      const wanted = offset;
      const slice = await persist(
        () => source.read(topic, partition, wanted, signal),
        signal,
        ports,
      );
      if (!slice || signal.aborted) return;
      assertHeld(topic, partition, offset, slice);
      assertDense(topic, partition, offset, slice.records);
      if (slice.records.length === 0) continue;
      await onBatch({ topic, partition, records: slice.records, endOffset: slice.endOffset });
      offset += slice.records.length;
    }
  };

  await together([...from].map(position), failure);
  if (signal.aborted) return;
  options.onStarted?.();
  await together([...from].map(follow), failure);
  await aborted(signal); // with no partition at all there is still the signal to wait for
}

/** Waits for all, and only then fails with the first error: nothing of the consumption runs on behind the caller's back. */
async function together(parts: readonly Promise<void>[], failure: AbortController): Promise<void> {
  const failures: unknown[] = [];
  await Promise.all(
    parts.map((part) =>
      part.catch((error: unknown) => {
        failures.push(error);
        failure.abort();
      }),
    ),
  );
  if (failures.length > 0) throw failures[0];
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Tries until it succeeds, fails for good, or the signal comes: then the answer is undefined. */
async function persist<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  { clock, rng }: RetryPorts,
): Promise<T | undefined> {
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!isEntError(error) || !error.retriable) throw error;
    }
    const ms = backoffMs(attempt, { initialMs: 10, maxMs: 1_000, rng });
    await clock.sleep(ms, signal).catch(() => {}); // an abort ends the loop above
  }
  return undefined;
}

function assertHeld(topic: string, partition: number, offset: number, held: LogBounds): void {
  const { startOffset, endOffset } = held;
  const facts = { position: { topic, partition, offset } };
  const where = `${topic}/${partition}`;
  if (offset < startOffset) {
    throw new EntError(
      'LOG_START_PASSED',
      `${where} starts at ${startOffset}; ${offset} is gone`,
      facts,
    );
  }
  if (offset > endOffset) {
    throw new EntError('LOG_TRUNCATED', `${where} ends at ${endOffset}, before ${offset}`, facts);
  }
}

function assertDense(
  topic: string,
  partition: number,
  first: number,
  records: readonly LogRecord[],
): void {
  const wrong = records.findIndex((record, index) => record.offset !== first + index);
  if (wrong === -1) return;
  const offset = first + wrong;
  throw new EntError(
    'LOG_GAP',
    `${topic}/${partition} goes on with ${records[wrong]?.offset} where ${offset} must come`,
    { position: { topic, partition, offset } },
  );
}
