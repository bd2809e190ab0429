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

export function createTail(options: { readonly bufferRecordsMax: number }): Tail {
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
      const mailbox = createMailbox(options.bufferRecordsMax);
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

function createMailbox(recordsMax: number): Mailbox {
  let buffer: LogRecord[] = [];
  let cutOff = false;
  let wake: (() => void) | undefined;
  return {
    put(record) {
      if (cutOff) return;
      if (buffer.length >= recordsMax) {
        cutOff = true;
        buffer = [];
      } else {
        buffer.push(record);
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
      return buffer.splice(0);
    },
    get cutOff() {
      return cutOff;
    },
  };
}
