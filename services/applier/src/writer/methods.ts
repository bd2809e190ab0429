import { EntError } from '@entdb/base';
import { unpackBatch, type Shard } from '@entdb/tenant-store';
import type { Handlers } from '@entdb/threads';
import type { Checkpoints } from './checkpoints.ts';
import type { WriterMethods } from './protocol.ts';

/** The writer thread's answers. */
export function writerMethods(
  shard: Shard,
  owned: readonly number[],
  checkpoints: Pick<Checkpoints, 'take'>,
): Handlers<WriterMethods> {
  return {
    start: async () => ({
      nextOffsets: new Map(owned.map((partition) => [partition, shard.nextOffset(partition)])),
      tenants: shard.tenants(),
    }),
    apply: async (batch) => shard.apply(batch.partition, unpackBatch(batch)),
    catchUp: async ({ step, batch }) => shard.catchUp(step, unpackBatch(batch)),
    install: async (step) => shard.install(step),
    passOver: async ({ tenantId, fromOffset }) => shard.passOver(tenantId, fromOffset),
    beginAt: async ({ partition, offset, expected }) => shard.beginAt(partition, offset, expected),
    quarantine: async ({ tenantId, code, message }) =>
      shard.quarantine(tenantId, new EntError(code, message, { tenantId })),
    distrust: async ({ tenantId, code, message }) =>
      shard.distrust(tenantId, new EntError(code, message, { tenantId })),
    sync: async (tenantsMax) => shard.sync(tenantsMax),
    checkpoints: async (tenantIds) => checkpoints.take(tenantIds),
    assertIntact: async () => shard.assertIntact(),
  };
}
