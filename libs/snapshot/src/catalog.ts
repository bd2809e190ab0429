import {
  archivePrefix,
  catalogueArchive,
  catalogueSnapshots,
  checksumNameOf,
  manifestName,
  parseChecksum,
  parseManifest,
  snapshotFileName,
  snapshotsPrefix,
  type CataloguedSegment,
  type SegmentChecksum,
  type SnapshotManifest,
} from '@entdb/archive-format';
import { EntError, isEntError, type ErrorCode } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { windowsOf, type Damage, type History, type RestorableWindow } from './history.ts';
import { mapBounded } from './map-bounded.ts';

/** What the object store holds of one tenant, and what is wrong with it. */
export interface Catalog {
  readonly history: History;
  readonly windows: readonly RestorableWindow[];
  /** The last segment, if its checksum is not there yet: an archiver is at work on it, or died there. */
  readonly unfinished: string | undefined;
  /** Snapshots that were never finished: without a manifest there is none. By their ids. */
  readonly incomplete: readonly string[];
  /** Objects under the tenant's prefixes whose names nobody of ours gives. */
  readonly unknown: readonly string[];
  /** Stored bytes of all objects by name, as the listing has it. */
  readonly sizes: ReadonlyMap<string, number>;
}

export interface CatalogOptions {
  /** Checksums of segments that end at or before this sequence are not read: they cannot matter to what begins there. */
  readonly afterSequence?: number;
  readonly signal?: AbortSignal;
}

const readsInFlightMax = 16;
const documentBytesMax = 1024 * 1024;

/**
 * Lists a tenant's objects and reads the small ones: checksums and manifests. Costs two listings and one read of about a kilobyte for each segment
 * and snapshot. Damage is part of the answer; only the store's own failures are thrown.
 */
export async function loadCatalog(
  store: ObjectStore,
  tenantId: string,
  options: CatalogOptions = {},
): Promise<Catalog> {
  const { afterSequence = 0, signal } = options;
  const call = signal ? { signal } : {};
  const sizes = new Map<string, number>();
  const namesOf = async (prefix: string): Promise<readonly string[]> => {
    const names: string[] = [];
    for await (const { key, size } of store.list({ prefix, ...call })) {
      sizes.set(key, size);
      names.push(key);
    }
    return names;
  };
  // Snapshots are listed first: a segment that one of them builds on is then in the listing that follows.
  const snapshotNames = await namesOf(snapshotsPrefix(tenantId));
  const archive = catalogueArchive(tenantId, await namesOf(archivePrefix(tenantId)));
  const kept = catalogueSnapshots(tenantId, snapshotNames);

  const isLast = (entry: CataloguedSegment) => entry === archive.segments.at(-1);
  const unfinished = archive.segments.find((entry) => entry.state === 'unsealed' && isLast(entry));
  const needed = archive.segments.filter((entry, i) => {
    const next = archive.segments[i + 1];
    return entry !== unfinished && (!next || next.firstSequence > afterSequence + 1);
  });
  const segments = await mapBounded(needed, readsInFlightMax, async (entry) =>
    judged(entry.firstSequence, entry.segment, () => readSegment(store, entry, sizes, call)),
  );
  const begun = kept.snapshots.filter(({ snapshotId }) =>
    sizes.has(manifestName(tenantId, snapshotId)),
  );
  const snapshots = await mapBounded(begun, readsInFlightMax, async ({ snapshotId }) =>
    judged(undefined, snapshotId, () => readManifest(store, tenantId, snapshotId, sizes, call)),
  );

  const history: History = {
    tenantId,
    segments: segments.flatMap(({ value }) => value ?? []),
    snapshots: snapshots
      .flatMap(({ value }) => value ?? [])
      .sort((a, b) => a.sequence - b.sequence),
    damaged: [...segments, ...snapshots].flatMap(({ damage }) => damage ?? []),
  };
  return {
    history,
    windows: windowsOf(history),
    unfinished: unfinished?.segment,
    incomplete: kept.snapshots
      .map(({ snapshotId }) => snapshotId)
      .filter((id) => !sizes.has(manifestName(tenantId, id))),
    unknown: [...archive.unknown, ...kept.unknown],
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

type Call = { readonly signal?: AbortSignal };
type Sizes = ReadonlyMap<string, number>;

async function readSegment(
  store: ObjectStore,
  { segment, state }: CataloguedSegment,
  sizes: Sizes,
  call: Call,
): Promise<SegmentChecksum> {
  if (state === 'unsealed')
    throw segmentCorrupt(segment, 'it has no checksum, and others follow it');
  const name = checksumNameOf(segment);
  const bytes = await store.read(name, { bytesMax: documentBytesMax, ...call });
  const checksum = parseChecksum(bytes, name);
  if (state === 'lost') throw segmentCorrupt(segment, 'its checksum is there, and it is not');
  const size = sizes.get(segment);
  if (size !== checksum.bytes)
    throw segmentCorrupt(segment, `${size} bytes, not ${checksum.bytes} as its checksum says`);
  return checksum;
}

async function readManifest(
  store: ObjectStore,
  tenantId: string,
  id: string,
  sizes: Sizes,
  call: Call,
): Promise<SnapshotManifest> {
  const name = manifestName(tenantId, id);
  const manifest = parseManifest(
    await store.read(name, { bytesMax: documentBytesMax, ...call }),
    name,
  );
  for (const file of manifest.files) {
    const key = snapshotFileName(tenantId, id, file.name);
    const size = sizes.get(key);
    if (size === file.bytes) continue;
    const what = size === undefined ? 'it is missing' : `${size} bytes, not ${file.bytes}`;
    throw new EntError('SNAPSHOT_CORRUPT', `${key}: ${what}`, {
      tenantId,
      metadata: { object: key },
    });
  }
  return manifest;
}

function segmentCorrupt(segment: string, what: string): EntError {
  return new EntError('SEGMENT_CORRUPT', `${segment}: ${what}`, { metadata: { object: segment } });
}

/** What an object may be found to be. Everything else is a failure of the store, and says nothing of the object. */
const damageCodes: readonly ErrorCode[] = [
  'SEGMENT_CORRUPT',
  'SNAPSHOT_CORRUPT',
  'UNKNOWN_FORMAT',
  'OBJECT_CORRUPT',
  'OBJECT_NOT_FOUND',
  'INVALID_ARGUMENT', // larger than any object of its kind
];

export function isDamage(error: unknown): error is EntError {
  return isEntError(error) && damageCodes.includes(error.code);
}

async function judged<T>(
  firstSequence: number | undefined,
  object: string,
  read: () => Promise<T>,
): Promise<{ readonly value?: T; readonly damage?: Damage }> {
  try {
    return { value: await read() };
  } catch (error) {
    if (!isDamage(error)) throw error;
    const { code, message } = error;
    const place = firstSequence === undefined ? {} : { firstSequence };
    return { damage: { object, code, reason: message, ...place } };
  }
}
