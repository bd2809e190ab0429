import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { decodeWalRecord } from '@entdb/contracts';
import { restoreTenant } from '@entdb/snapshot';
import { adoptRestored, tenantDir } from '@entdb/tenant-store';
import type { AdoptionJob, MadeFolder } from './protocol.ts';
import type { HealPorts } from './restore-folder.ts';

/**
 * Makes a tenant's files after a restore in place: those of the restored state, and of the tenant's own the verdicts and definitions. Always from the beginning: an adoption
 * that was cut off leaves files of no use.
 */
export async function adoptFolder(
  ports: HealPorts,
  { tenantId, topic, partition, record }: AdoptionJob,
): Promise<MadeFolder> {
  const { store, dir, folders, clock, rng, signal } = ports;
  const { key, offset, timeMs, value } = record;
  const placed = { topic, partition, offset, timeMs, record: decodeWalRecord(key, value) };
  const { body } = placed.record;
  if (body.case !== 'tenantRestored') throw new Error('the record is no restore in place');
  const target = join(folders.adoptions, tenantId);
  rmSync(target, { recursive: true, force: true });
  const { passedOver } = await restoreTenant({
    store,
    clock,
    rng,
    tenantId,
    target: { kind: 'sequence', sequence: Number(body.value.sequence), inclusive: true },
    outputDir: folders.adoptions,
    force: true,
    inOwnVolume: true,
    lease: false,
    signal,
  });
  rmSync(join(target, 'report.json'), { force: true });
  const { position } = adoptRestored({
    tenantId,
    current: tenantDir(dir, tenantId),
    restored: target,
    placed,
  });
  return { dir: target, position, passedOver: passedOver.map(({ object }) => object) };
}
