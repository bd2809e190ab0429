import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '@entdb/base';
import {
  createHandleCache,
  openTenantReader,
  tenantDir,
  type TenantReader,
} from '@entdb/tenant-store';
import { serveCalls } from '@entdb/threads';
import type { ReaderData, ReaderMethods } from './protocol.ts';

/** A reader thread: read-only connections, one request at a time. */
const data = workerData as ReaderData; // given by the thread that started this one
invariant(parentPort, 'a reader runs as a worker thread');

const readers = createHandleCache<TenantReader>({
  openMax: data.openTenantsMax,
  open: (tenantId) => openTenantReader({ dir: tenantDir(data.dir, tenantId), tenantId }),
  close: (reader) => reader.close(),
});

serveCalls<ReaderMethods>(
  parentPort,
  {
    read: async ({ tenantId, method, request }) => {
      const reader = readers.get(tenantId);
      // The pool pairs each method with its own request; the pair cannot be told through a thread.
      const read = reader[method].bind(reader) as (request: unknown) => unknown;
      return read(request);
    },
    forget: async ({ tenantId }) => readers.drop(tenantId),
  },
  () => readers.close(),
);
