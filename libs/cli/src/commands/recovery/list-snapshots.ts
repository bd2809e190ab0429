import { snapshotId } from '@entdb/archive-format';
import { EntError, parseTenantId } from '@entdb/base';
import { exitCodes, type ExitCode } from '@entdb/restore';
import { keptSnapshots, loadCatalog } from '@entdb/snapshot';
import { withPlaces, type Surroundings } from './recovery.ts';
import { isoOf } from './tell.ts';

/** `entdb restore list-snapshots`: the complete ones, oldest first, and what can be restored at all. Damaged ones are told, and make the exit code 4. */
export async function listSnapshots(tenant: string, surroundings: Surroundings): Promise<ExitCode> {
  const { output, json, signal } = surroundings;
  const tenantId = parseTenantId(tenant);
  return withPlaces(surroundings, { archiveOnly: true }, async ({ places: { store } }) => {
    const { history, windows, incomplete } = await loadCatalog(store, tenantId, { signal });
    const kept = await keptSnapshots(store, tenantId, { signal });
    if (history.segments.length + history.snapshots.length + history.damaged.length === 0)
      throw new EntError(
        'NOTHING_ARCHIVED',
        `the object store holds nothing of tenant ${tenantId}`,
        {
          tenantId,
          hint: 'check the tenant id, the bucket and its prefix',
        },
      );
    const snapshots = history.snapshots.map((manifest) => ({
      id: snapshotId(manifest.logTimeUs / 1000),
      manifest,
      bytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    }));
    if (json) {
      output.json({
        tenantId,
        snapshots: snapshots.map(({ id, manifest }) => ({ id, kept: kept.has(id), ...manifest })),
        windows,
        damaged: history.damaged,
        incomplete,
      });
    } else {
      output.table(
        ['SNAPSHOT', 'POSITION', 'SEQUENCE', 'EPOCH', 'BYTES', 'KEPT'],
        snapshots.map(({ id, manifest: { position, sequence, epoch }, bytes }) => [
          id,
          `${position.offset}`,
          `${sequence}`,
          `${epoch}`,
          `${bytes}`,
          kept.has(id) ? 'yes' : 'no',
        ]),
      );
      for (const { first, last } of windows)
        output.line(
          `restorable: offsets ${first.offset} to ${last.offset}, ${isoOf(first.timeMs)} to ${isoOf(last.timeMs)}`,
        );
      for (const { object, code, reason } of history.damaged)
        output.note(`${object}: ${code}: ${reason}`);
      for (const id of incomplete) output.note(`${id}: never finished, and not used`);
    }
    return history.damaged.length === 0 ? exitCodes.ok : exitCodes.damaged;
  });
}
