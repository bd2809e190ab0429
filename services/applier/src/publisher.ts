import type { AppendRecord } from '@entdb/wal';
import { createOutlet, type Outlet, type OutletOptions } from './outlet.ts';

/**
 * Writes what this applier says to the fleet. Telling is repeated until the log has it or the queue is full: a verdict that
 * gets lost costs its caller a retry with the same key, never a wrong answer, so a full queue drops and says so.
 */
export interface Publisher {
  /** A verdict: each counts. */
  publish(topic: string, partition: number, record: AppendRecord): void;
  /** News: only the latest of its key counts. */
  announce(topic: string, partition: number, record: AppendRecord): void;
  /** Waits for what is queued, for a bounded time. */
  close(): Promise<void>;
}

export interface PublisherOptions extends OutletOptions {
  /** What `close` grants. */
  readonly closeWaitMs: number;
}

export function createPublisher(options: PublisherOptions): Publisher {
  const outlets = new Map<string, Outlet>();
  const outlet = (topic: string, partition: number): Outlet => {
    const name = `${topic}/${partition}`;
    const found = outlets.get(name) ?? createOutlet(topic, partition, options);
    outlets.set(name, found);
    return found;
  };
  return {
    publish: (topic, partition, record) => outlet(topic, partition).push(record),
    announce: (topic, partition, record) => outlet(topic, partition).replace(record),
    async close() {
      const late = new AbortController();
      const timer = new AbortController();
      options.clock.sleep(options.closeWaitMs, timer.signal).then(
        () => late.abort(),
        () => undefined, // all was told in time
      );
      await Promise.all([...outlets.values()].map((each) => each.close(late.signal)));
      timer.abort();
    },
  };
}
