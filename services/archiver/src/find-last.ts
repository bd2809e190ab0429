import {
  archivePrefix,
  catalogueArchive,
  checksumNameOf,
  parseChecksum,
  type SegmentChecksum,
} from '@entdb/archive-format';
import type { ObjectStore } from '@entdb/object-store';
import { asConflict, conflict, type Where } from './verdicts.ts';

/** How far a tenant's archive reaches, as it is found in the store. */
export interface Found {
  /** Of the last segment that has a checksum. */
  readonly last: SegmentChecksum | undefined;
  /** Segments behind it without one, in order: nobody may trust them yet. */
  readonly unsealed: readonly string[];
}

/**
 * Looks up where a tenant's archive ends. The folders of days never step back along the chain, so only the newest is listed, and the one before it where
 * that has no checksum yet.
 */
export async function findLast(
  store: ObjectStore,
  where: Where,
  signal: AbortSignal,
): Promise<Found> {
  const folders: string[] = [];
  for await (const folder of store.folders(archivePrefix(where.tenantId), { signal }))
    folders.push(folder);
  const unsealed: string[] = [];
  for (const folder of folders.toReversed()) {
    const names: string[] = [];
    for await (const { key } of store.list({ prefix: folder, signal })) names.push(key);
    for (const { segment, state } of catalogueArchive(
      where.tenantId,
      names,
    ).segments.toReversed()) {
      if (state === 'lost')
        throw conflict(where, segment, 0, 'its checksum is there, and it is not');
      if (state === 'whole')
        return { last: await readChecksum(store, where, segment, signal), unsealed };
      unsealed.unshift(segment);
    }
  }
  return { last: undefined, unsealed };
}

async function readChecksum(
  store: ObjectStore,
  where: Where,
  segment: string,
  signal: AbortSignal,
): Promise<SegmentChecksum> {
  const name = checksumNameOf(segment);
  const bytes = await store.read(name, { signal });
  const judge = asConflict(where, name, 0);
  let checksum: SegmentChecksum;
  try {
    checksum = parseChecksum(bytes, name);
  } catch (error) {
    return judge(error);
  }
  if (checksum.partition !== where.partition)
    throw conflict(
      where,
      name,
      checksum.lastOffset,
      `it is of partition ${checksum.partition}, and the tenant's is ${where.partition}`,
    );
  return checksum;
}
