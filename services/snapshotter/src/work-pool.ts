import type { ObjectStoreSettings } from '@entdb/config';
import { createWorkerClient, type WorkerClient } from '@entdb/threads';
import type { Work } from './work.ts';

export interface WorkPool extends Work {
  /** Gives up what is under way; a thread that is inside SQLite ends its statement first. */
  close(): Promise<void>;
}

export interface WorkPoolOptions {
  readonly threads: number;
  /** What each thread runs. */
  readonly thread: URL;
  /** Each thread opens the store for itself: connections cannot cross. */
  readonly settings: ObjectStoreSettings;
}

/** Work on threads of its own, one job on each at a time as long as no more are asked for than there are threads. */
export function createWorkPool({ threads, thread, settings }: WorkPoolOptions): WorkPool {
  const workers = Array.from({ length: threads }, (_, i) => ({
    client: createWorkerClient<Work>({
      url: thread,
      name: `snapshot thread ${i}`,
      workerData: { ...settings },
      lostCode: 'STORE_UNAVAILABLE', // it knows nothing that is not in files: another begins anew
    }),
    busy: 0,
  }));
  const onIdle = async <T>(body: (client: WorkerClient<Work>) => Promise<T>): Promise<T> => {
    const worker = workers.reduce((idlest, other) => (other.busy < idlest.busy ? other : idlest));
    worker.busy += 1;
    try {
      return await body(worker.client);
    } finally {
      worker.busy -= 1;
    }
  };
  return {
    makeSnapshot: (job) => onIdle((client) => client.call('makeSnapshot', job)),
    applyRetention: (job) => onIdle((client) => client.call('applyRetention', job)),
    close: async () => void (await Promise.all(workers.map(({ client }) => client.close()))),
  };
}
