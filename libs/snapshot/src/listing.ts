import {
  archivePrefix,
  catalogueArchive,
  catalogueSnapshots,
  erasuresPrefix,
  manifestName,
  parseObjectName,
  snapshotsPrefix,
  type CataloguedSegment,
} from '@entdb/archive-format';
import type { ObjectStore } from '@entdb/object-store';

/** The names of a tenant's objects, without a look into any of them. */
export interface Listing {
  readonly tenantId: string;
  /** In ascending order; without the one that is unfinished. */
  readonly segments: readonly CataloguedSegment[];
  /** The last segment, if its checksum is not there yet. */
  readonly unfinished: string | undefined;
  /** Those that have a manifest, oldest first. */
  readonly snapshots: readonly { readonly snapshotId: string; readonly logTimeMs: number }[];
  readonly incomplete: readonly string[];
  /** In ascending order. */
  readonly erasures: readonly { readonly object: string; readonly sequence: number }[];
  readonly unknown: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
}

/** Costs three listings: a request for each thousand objects. */
export async function listTenant(
  store: ObjectStore,
  tenantId: string,
  call: { readonly signal?: AbortSignal } = {},
): Promise<Listing> {
  const sizes = new Map<string, number>();
  const namesOf = async (prefix: string): Promise<readonly string[]> => {
    const names: string[] = [];
    for await (const { key, size } of store.list({ prefix, ...call })) {
      sizes.set(key, size);
      names.push(key);
    }
    return names;
  };
  // In this order: a segment that a snapshot builds on is in the listing after it, and so is the erasure of a record that a listed segment holds.
  const snapshotNames = await namesOf(snapshotsPrefix(tenantId));
  const archive = catalogueArchive(tenantId, await namesOf(archivePrefix(tenantId)));
  const erasureNames = await namesOf(erasuresPrefix(tenantId));
  const kept = catalogueSnapshots(tenantId, snapshotNames);

  const last = archive.segments.at(-1);
  const unfinished = last?.state === 'unsealed' ? last : undefined;
  const isBegun = (id: string): boolean => sizes.has(manifestName(tenantId, id));
  const erasures = erasureNames.map((object) => ({ object, name: parseObjectName(object) }));
  return {
    tenantId,
    segments: archive.segments.filter((entry) => entry !== unfinished),
    unfinished: unfinished?.segment,
    snapshots: kept.snapshots.filter(({ snapshotId }) => isBegun(snapshotId)),
    incomplete: kept.snapshots.map(({ snapshotId }) => snapshotId).filter((id) => !isBegun(id)),
    erasures: erasures
      .flatMap(({ object, name }) =>
        name?.kind === 'erasure' ? [{ object, sequence: name.sequence }] : [],
      )
      .sort((a, b) => a.sequence - b.sequence),
    unknown: [
      ...archive.unknown,
      ...kept.unknown,
      ...erasures.flatMap(({ object, name }) => (name?.kind === 'erasure' ? [] : [object])),
    ],
    sizes,
  };
}

/** All tenants that the store has anything of, in order. */
export async function listArchivedTenants(
  store: ObjectStore,
  options: { readonly signal?: AbortSignal } = {},
): Promise<readonly string[]> {
  const tenants = new Set<string>();
  for (const top of ['archive/', 'snapshots/'])
    for await (const folder of store.folders(top, options))
      tenants.add(folder.slice(top.length, -1));
  return [...tenants].sort();
}
