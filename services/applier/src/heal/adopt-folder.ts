import { join } from 'node:path';
import { invariant } from '@entdb/base';
import { decodeWalRecord } from '@entdb/contracts';
import { restoreNamedState } from '@entdb/snapshot';
import { adoptRestored, tenantDir } from '@entdb/tenant-store';
import type { AdoptionJob, MadeFolder } from './protocol.ts';
import type { HealPorts } from './restore-folder.ts';

/**
 * Makes a tenant's files after a restore in place: those of the restored state, and of the tenant's own the verdicts and definitions. Always from the beginning: an adoption
 * that was cut off leaves files of no use.
 */
export async function adoptFolder(
  { store, dir, folders, signal }: HealPorts,
  { tenantId, topic, partition, record }: AdoptionJob,
): Promise<MadeFolder> {
  const { key, offset, timeMs, value } = record;
  const placed = { topic, partition, offset, timeMs, record: decodeWalRecord(key, value) };
  const { body } = placed.record;
  invariant(body.case === 'tenantRestored', 'what is adopted is a restore in place');
  const made = join(folders.adoptions, tenantId);
  const passedOver = await restoreNamedState(body.value, made, { store, tenantId, signal });
  const current = tenantDir(dir, tenantId);
  const { position } = adoptRestored({ tenantId, current, restored: made, placed });
  return { dir: made, position, passedOver: passedOver.map(({ object }) => object) };
}
