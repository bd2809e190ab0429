import { isEntError } from '@entdb/base';
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

export interface ReaderPoolOptions extends ReaderData {
  readonly threads: number;
  /** A thread has died. The next read starts another. */
  readonly onLost: (cause: unknown) => void;
}

export function createReaderPool(options: ReaderPoolOptions): ReaderPool {
  const { threads, onLost, ...workerData } = options;
  const readers: readonly Reader[] = Array.from({ length: threads }, (_, i) => ({
    client: createWorkerClient<ReaderMethods>({
      url: new URL('./worker.ts', import.meta.url),
      name: `reader thread ${i}`,
      workerData,
      lostCode: 'STORE_UNAVAILABLE',
      onLost,
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
      const forget = async ({ client }: Reader) => {
        try {
          await client.call('forget', { tenantId });
        } catch (error) {
          // A thread that died has closed its files; whatever else it was, the next one has none open.
          if (!isEntError(error, 'STORE_UNAVAILABLE')) throw error;
          await client.call('forget', { tenantId });
        }
      };
      await Promise.all(readers.map(forget));
    },
    close: async () => {
      await Promise.all(readers.map((reader) => reader.client.close()));
    },
  };
}
