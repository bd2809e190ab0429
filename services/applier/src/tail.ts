import type { LogRecord } from '@entdb/wal';

/**
 * The live end of the log, for watchers: records of one tenant as they are committed. A watcher that falls too far behind is cut off and reads
 * on from the log.
 */
export interface Tail {
  /** After the commit of a batch. */
  committed(partition: number, records: readonly LogRecord[]): void;
  subscribe(tenantId: string): Subscription;
}

export interface Subscription {
  /** The next records, in order; empty once when the subscription was cut off. Rejects with the signal's reason. */
  next(signal: AbortSignal): Promise<readonly LogRecord[]>;
  readonly cutOff: boolean;
  close(): void;
}

export interface TailOptions {
  /** What one subscription holds at the most. */
  readonly bufferRecordsMax: number;
  readonly bufferBytesMax: number;
}

export function createTail(options: TailOptions): Tail {
  const subscriptions = new Map<string, Set<Mailbox>>();
  return {
    committed(_partition, records) {
      if (subscriptions.size === 0) return;
      for (const record of records)
        for (const mailbox of subscriptions.get(record.key) ?? []) mailbox.put(record);
    },
    subscribe(tenantId) {
      const own = subscriptions.get(tenantId) ?? new Set();
      subscriptions.set(tenantId, own);
      const mailbox = createMailbox(options);
      own.add(mailbox);
      return {
        next: (signal) => mailbox.take(signal),
        get cutOff() {
          return mailbox.cutOff;
        },
        close() {
          own.delete(mailbox);
          if (own.size === 0) subscriptions.delete(tenantId);
        },
      };
    },
  };
}

interface Mailbox {
  put(record: LogRecord): void;
  take(signal: AbortSignal): Promise<readonly LogRecord[]>;
  readonly cutOff: boolean;
}

function createMailbox({ bufferRecordsMax, bufferBytesMax }: TailOptions): Mailbox {
  let buffer: LogRecord[] = [];
  let bytes = 0;
  let cutOff = false;
  let wake: (() => void) | undefined;
  return {
    put(record) {
      if (cutOff) return;
      bytes += record.value.byteLength;
      buffer.push(record);
      if (buffer.length > bufferRecordsMax || bytes > bufferBytesMax) {
        cutOff = true;
        buffer = [];
      }
      wake?.();
    },
    async take(signal) {
      signal.throwIfAborted();
      if (buffer.length === 0 && !cutOff) {
        await new Promise<void>((resolve, reject) => {
          const onAbort = () => reject(signal.reason as Error); // the kit aborts with an EntError
          signal.addEventListener('abort', onAbort, { once: true });
          wake = () => {
            signal.removeEventListener('abort', onAbort);
            wake = undefined;
            resolve();
          };
        });
      }
      bytes = 0;
      return buffer.splice(0);
    },
    get cutOff() {
      return cutOff;
    },
  };
}
