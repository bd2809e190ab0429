import { parentPort, workerData } from 'node:worker_threads';
import { EntError, invariant } from '@entdb/base';
import { createLogger } from '@entdb/telemetry';
import { openShard, openTenantWriter, unpackBatch } from '@entdb/tenant-store';
import { serveCalls } from '@entdb/threads';
import type { WriterData, WriterMethods } from './protocol.ts';

/** The writer thread: the only writer of this volume's files. SQLite blocks here and nowhere else. */
const data = workerData as WriterData; // given by the thread that started this one
invariant(parentPort, 'the writer runs as a worker thread');
const logger = createLogger({
  service: 'applier',
  instance: data.instance,
  level: data.logLevel,
}).child({ thread: 'writer' });
const shard = openShard({ ...data, logger, openWriter: openTenantWriter });

serveCalls<WriterMethods>(
  parentPort,
  {
    start: async () => ({
      nextOffsets: new Map(data.owned.map((partition) => [partition, shard.nextOffset(partition)])),
      tenants: shard.tenants(),
    }),
    apply: async (batch) => shard.apply(batch.partition, unpackBatch(batch)),
    catchUp: async ({ step, batch }) => shard.catchUp(step, unpackBatch(batch)),
    quarantine: async ({ tenantId, code, message }) =>
      shard.quarantine(tenantId, new EntError(code, message, { tenantId })),
    distrust: async ({ tenantId, code, message }) =>
      shard.distrust(tenantId, new EntError(code, message, { tenantId })),
    sync: async (tenantsMax) => shard.sync(tenantsMax),
    assertIntact: async () => shard.assertIntact(),
  },
  () => shard.close(),
);
