import { EntError, type ErrorCode } from '@entdb/base';
import type { AppendRecord, ConsumeOptions, LogBatch, LogRecord, TopicSpec, Wal } from '../wal.ts';

/** A log made for the suite. What is optional makes tests possible that not every adapter can arrange. */
export interface WalUnderTest {
  readonly wal: Wal;
  /** One more instance on the same log, as another process would have. The suite closes it. */
  readonly another?: () => Promise<Wal>;
  /** Makes the log forget what is before the offset. */
  readonly truncateBefore?: (topic: string, partition: number, offset: number) => Promise<void>;
  /** Makes the next append of a topic fail with an unknown outcome. */
  readonly failNextAppend?: (topic: string) => void;
  readonly cleanup: () => Promise<void>;
}

export interface Fixture {
  readonly underTest: () => WalUnderTest;
  readonly wal: () => Wal;
  /** Makes a topic of the test's own. */
  readonly newTopic: (partitions?: number) => Promise<string>;
  readonly spec: (topic: string, partitions: number) => TopicSpec;
}

/** Skips adapters that have one instance only. */
export async function withAnother(
  underTest: WalUnderTest,
  use: (other: Wal) => Promise<void>,
): Promise<void> {
  const other = await underTest.another?.();
  if (!other) return;
  try {
    await use(other);
  } finally {
    await other.close();
  }
}

export const record = (text: string, key = 'tenant-1'): AppendRecord => ({
  key,
  value: Buffer.from(text),
});

export const textOf = (stored: { readonly value: Uint8Array }): string =>
  Buffer.from(stored.value).toString();

export const codeOf = (promise: Promise<unknown>): Promise<ErrorCode | 'none'> =>
  promise.then(
    () => 'none' as const,
    (error: unknown) => {
      if (error instanceof EntError) return error.code;
      throw error;
    },
  );

/** Appends in calls of `perCall`, all at once. */
export async function fill(
  wal: Wal,
  topic: string,
  partition: number,
  texts: readonly string[],
  perCall = 100,
) {
  const lane = await wal.openLane(topic, partition);
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < texts.length; i += perCall) {
    calls.push(lane.append(texts.slice(i, i + perCall).map((text) => record(text))));
  }
  await Promise.all(calls);
  await lane.close();
}

/** A consumption that goes on until `stop`; what it has seen can be awaited. */
export interface Tail {
  readonly batches: readonly LogBatch[];
  readonly started: Promise<void>;
  /** Resolves with all records so far as soon as there are so many; fails if the consumption does. */
  records(count: number): Promise<readonly LogRecord[]>;
  /** Ends the consumption and resolves as it did. */
  stop(): Promise<void>;
}

type TailOptions = Pick<ConsumeOptions, 'topic' | 'from'> &
  Partial<Pick<ConsumeOptions, 'onBatch'>>;

export function tail(wal: Wal, { topic, from, onBatch }: TailOptions): Tail {
  const batches: LogBatch[] = [];
  const abort = new AbortController();
  const { promise: started, resolve: onStarted } = Promise.withResolvers<void>();
  let check = () => {};
  const ended = wal.consume({
    topic,
    from,
    signal: abort.signal,
    onStarted,
    onBatch: async (batch) => {
      batches.push(batch);
      check();
      await onBatch?.(batch);
    },
  });
  const failed = ended.then((): never => {
    throw new Error('the consumption ended before its time');
  });
  const startedOrFailed = Promise.race([started, failed]);
  // Whoever awaits records or the start sees the failure; a test that stops on its own need not.
  failed.catch(() => {});
  startedOrFailed.catch(() => {});
  return {
    batches,
    started: startedOrFailed,
    records: (count) =>
      Promise.race([
        failed,
        new Promise<readonly LogRecord[]>((resolve) => {
          check = () => {
            const records = batches.flatMap((batch) => batch.records);
            if (records.length >= count) resolve(records);
          };
          check();
        }),
      ]),
    stop: async () => {
      abort.abort();
      await ended;
    },
  };
}

/** All that a partition holds from `from` to the end that it has now. */
export async function readAll(wal: Wal, topic: string, partition: number, from = 0) {
  const { endOffset } = await wal.bounds(topic, partition);
  const reader = tail(wal, { topic, from: new Map([[partition, from]]) });
  const records = await reader.records(endOffset - from);
  await reader.stop();
  return records;
}

export const numbered = (count: number, prefix = 'r'): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);
