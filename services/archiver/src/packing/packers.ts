import type { ChainLink } from '@entdb/archive-format';
import { createWorkerClient, type WorkerClient } from '@entdb/threads';
import type { LogRecord } from '@entdb/wal';
import type { Packed } from './pack.ts';
import { handRecords, transferOf } from './records.ts';
import type { PackMethods } from './worker.ts';

/** Makes segments on threads of its own, so that the event loop is free to read and to write. */
export interface Packers {
  /** A segment of the first of these records, as many as make `segmentBytes` of lines; at least one. */
  pack(link: ChainLink, records: readonly LogRecord[], segmentBytes: number): Promise<Packed>;
  close(): Promise<void>;
}

/** A thread begins with its first segment. One that dies takes the process with it: what it had is in the log. */
export function createPackers(threads: number): Packers {
  const workers = Array.from({ length: threads }, (_, i) => ({
    client: createWorkerClient<PackMethods>({
      url: new URL('./worker.ts', import.meta.url),
      name: `packing thread ${i}`,
      workerData: undefined,
      lostCode: 'INTERNAL',
    }),
    busy: 0,
  }));
  const onIdlest = async <T>(work: (client: WorkerClient<PackMethods>) => Promise<T>) => {
    const worker = workers.reduce((idlest, other) => (other.busy < idlest.busy ? other : idlest));
    worker.busy += 1;
    try {
      return await work(worker.client);
    } finally {
      worker.busy -= 1;
    }
  };
  return {
    pack: (link, records, segmentBytes) =>
      onIdlest((client) => {
        const handed = handRecords(records);
        return client.call('pack', { link, records: handed, segmentBytes }, transferOf(handed));
      }),
    close: async () => void (await Promise.all(workers.map(({ client }) => client.close()))),
  };
}
