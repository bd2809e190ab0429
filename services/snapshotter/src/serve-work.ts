import type { MessagePort } from 'node:worker_threads';
import { realClock, realRng } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { serveCalls } from '@entdb/threads';
import { workAt, type Work } from './work.ts';

/** The inside of a thread of a `WorkPool`. The store is opened, and probed, by the first job; where that fails, by the next. */
export function serveWork(port: MessagePort, openStore: () => ObjectStore): void {
  const closing = new AbortController();
  const { signal } = closing;
  const underWay = new Set<Promise<unknown>>();
  let store: Promise<ObjectStore> | undefined;

  const open = async (): Promise<ObjectStore> => {
    const opened = openStore();
    try {
      await opened.probe({ signal });
      return opened;
    } catch (error) {
      store = undefined;
      await opened.close();
      throw error;
    }
  };
  const run = async <T>(body: (work: Work) => Promise<T>): Promise<T> => {
    store ??= open();
    return body(workAt({ store: await store, clock: realClock, rng: realRng, signal }));
  };
  const watched = <T>(body: (work: Work) => Promise<T>): Promise<T> => {
    const job = run(body);
    underWay.add(job);
    return job.finally(() => underWay.delete(job));
  };
  /** What is given up may still have a lease to give back. */
  const quit = async (): Promise<void> => {
    closing.abort();
    await Promise.allSettled(underWay);
    await (await store)?.close();
  };

  serveCalls<Work>(
    port,
    {
      makeSnapshot: (job) => watched((work) => work.makeSnapshot(job)),
      applyRetention: (job) => watched((work) => work.applyRetention(job)),
    },
    () => void quit(), // a failure ends the thread, and is told by its client
  );
}
