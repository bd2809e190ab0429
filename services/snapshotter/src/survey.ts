import {
  archivePrefix,
  catalogueArchive,
  catalogueSnapshots,
  checksumNameOf,
  manifestName,
  parseChecksum,
  parseManifest,
  segmentDate,
  snapshotsPrefix,
  type SegmentChecksum,
  type SnapshotManifest,
} from '@entdb/archive-format';
import { isEntError } from '@entdb/base';
import type { CallOptions, ObjectStore } from '@entdb/object-store';
import type { Waiting } from './schedule.ts';

/** How far a tenant's snapshots and its archive reach. */
export interface Standing {
  /** The newest snapshot whose manifest can be read. */
  readonly snapshot: SnapshotManifest | undefined;
  /** When its manifest was written, by the store's clock; 0 where there is none. */
  readonly sealedMs: number;
  readonly waiting: Waiting | undefined;
  /** Newer snapshots whose manifests cannot be read. */
  readonly damaged: readonly string[];
  /** What was read, by name: these objects never change, and need not be read again. */
  readonly documents: ReadonlyMap<string, Uint8Array>;
}

/**
 * Looks at names, and at no more than one manifest and two checksums that are not known yet. It decides only who is next: `makeSnapshot` looks at everything,
 * and damage that is not met here is met there.
 */
export async function survey(
  store: ObjectStore,
  tenantId: string,
  before: Standing | undefined,
  call: CallOptions,
): Promise<Standing> {
  const documents = new Map<string, Uint8Array>();
  const read = async (name: string): Promise<Uint8Array> => {
    const bytes = before?.documents.get(name) ?? (await store.read(name, call));
    documents.set(name, bytes);
    return bytes;
  };
  const { snapshot, sealedMs, damaged } = await newestSnapshot(store, tenantId, read, call);
  const covered = snapshot?.sequence ?? 0;
  // Log times never step back along the tenant's history, and neither do the folders' dates.
  const from = snapshot ? segmentDate(snapshot.logTimeUs / 1000) : '';
  const names = [...(await listing(store, archivePrefix(tenantId), from, call)).keys()];
  const after = catalogueArchive(tenantId, names).segments.filter(
    ({ state, firstSequence }) => state === 'whole' && firstSequence > covered,
  );
  const checksum = async (segment: string): Promise<SegmentChecksum> => {
    const name = checksumNameOf(segment);
    return parseChecksum(await read(name), name);
  };
  const [first, last] = [after[0], after.at(-1)];
  const standing = { snapshot, sealedMs, damaged, documents };
  if (!first || !last) return { ...standing, waiting: undefined };
  const { firstTimeMs: sinceMs } = await checksum(first.segment);
  const { lastSequence } = await checksum(last.segment);
  return { ...standing, waiting: { records: lastSequence - covered, sinceMs } };
}

async function newestSnapshot(
  store: ObjectStore,
  tenantId: string,
  read: (name: string) => Promise<Uint8Array>,
  call: CallOptions,
): Promise<Pick<Standing, 'snapshot' | 'sealedMs' | 'damaged'>> {
  const there = await listing(store, snapshotsPrefix(tenantId), '', call);
  const damaged: string[] = [];
  for (const { snapshotId } of catalogueSnapshots(tenantId, [
    ...there.keys(),
  ]).snapshots.toReversed()) {
    const name = manifestName(tenantId, snapshotId);
    const sealedMs = there.get(name);
    if (sealedMs === undefined) continue; // never finished, or at work
    try {
      return { snapshot: parseManifest(await read(name), name), sealedMs, damaged };
    } catch (error) {
      if (!isEntError(error) || (error.status !== 'data_loss' && error.status !== 'not_found'))
        throw error;
      damaged.push(snapshotId);
    }
  }
  return { snapshot: undefined, sealedMs: 0, damaged };
}

/** Keys, with the times at which they were written. */
async function listing(
  store: ObjectStore,
  prefix: string,
  from: string,
  call: CallOptions,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  const startAfter = from === '' ? {} : { startAfter: prefix + from };
  for await (const { key, modifiedMs } of store.list({ prefix, ...startAfter, ...call }))
    found.set(key, modifiedMs);
  return found;
}
