import { createWorkerClient, type WorkerClient } from '@entdb/threads';
import type {
  ReaderData,
  ReaderMethods,
  ReadMethod,
  ReadRequest,
  ReadResponse,
} from './protocol.ts';

/** Reader threads, each with read-only connections of its own. */
export interface ReaderPool {
  read<M extends ReadMethod>(
    method: M,
    tenantId: string,
    request: ReadRequest<M>,
  ): Promise<ReadResponse<M>>;
  /** Resolves when no thread has the tenant's files open any more. */
  forget(tenantId: string): Promise<void>;
  close(): Promise<void>;
}

interface Reader {
  readonly client: WorkerClient<ReaderMethods>;
  busy: number;
}

export function createReaderPool(options: ReaderData & { readonly threads: number }): ReaderPool {
  const { threads, ...workerData } = options;
  const readers: readonly Reader[] = Array.from({ length: threads }, (_, i) => ({
    client: createWorkerClient<ReaderMethods>({
      url: new URL('./worker.ts', import.meta.url),
      name: `reader thread ${i}`,
      workerData,
      lostCode: 'STORE_UNAVAILABLE',
    }),
    busy: 0,
  }));
  const idlest = () => readers.reduce((best, reader) => (reader.busy < best.busy ? reader : best));
  return {
    read: async (method, tenantId, request) => {
      const reader = idlest();
      reader.busy += 1;
      try {
        // The worker answers with what this very method returns.
        return (await reader.client.call('read', { tenantId, method, request })) as ReadResponse<
          typeof method
        >;
      } finally {
        reader.busy -= 1;
      }
    },
    forget: async (tenantId) => {
      await Promise.all(readers.map((reader) => reader.client.call('forget', { tenantId })));
    },
    close: async () => {
      await Promise.all(readers.map((reader) => reader.client.close()));
    },
  };
}
