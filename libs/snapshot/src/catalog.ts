import {
  checksumNameOf,
  manifestName,
  parseChecksum,
  parseErasure,
  parseManifest,
  snapshotFileName,
  type CataloguedSegment,
  type Erasure,
  type SegmentChecksum,
  type SnapshotManifest,
} from '@entdb/archive-format';
import { EntError } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { judged, type Damage } from './damage.ts';
import { erasedBy } from './erased.ts';
import { windowsOf, type History, type RestorableWindow } from './history.ts';
import { isWithin, pointOf, type Limit } from './limit.ts';
import { listTenant, type Listing } from './listing.ts';
import { mapBounded } from './map-bounded.ts';

/** What the object store holds of one tenant, and what is wrong with it. */
export interface Catalog {
  readonly history: History;
  readonly windows: readonly RestorableWindow[];
  /** The archive's last segment, whatever part of it the history has. */
  readonly last: SegmentChecksum | 'damaged' | undefined;
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

type Call = { readonly signal?: AbortSignal };
type Sizes = ReadonlyMap<string, number>;

const readsInFlightMax = 16;
const documentBytesMax = 1024 * 1024;

/**
 * Lists a tenant's objects and reads the small ones: checksums, manifests, erasures. Costs three listings and one read of about a kilobyte for each segment
 * and snapshot. Damage is part of the answer; only the store's own failures are thrown.
 */
export async function loadCatalog(
  store: ObjectStore,
  tenantId: string,
  { afterSequence = 0, signal }: CatalogOptions = {},
): Promise<Catalog> {
  const call = signal ? { signal } : {};
  const listing = await listTenant(store, tenantId, call);
  const snapshots = await mapBounded(listing.snapshots, readsInFlightMax, ({ snapshotId }) =>
    judgedManifest(store, listing, snapshotId, call),
  );
  return catalogOf(store, listing, { snapshots, afterSequence, untilSequence: Infinity }, call);
}

/**
 * The part of a catalog that the shortest way to a limit needs: the newest sound snapshot within it that is not to be passed over, and the segments from there to the
 * limit. So restoring what is recent does not cost the whole history. What a plan says from it is what it says from all, if it is a
 * plan; a refusal is to be made from all.
 */
export async function loadWay(
  store: ObjectStore,
  listing: Listing,
  limit: Limit,
  options: { readonly passedOver: ReadonlySet<string>; readonly signal?: AbortSignal },
): Promise<Catalog> {
  const call = options.signal ? { signal: options.signal } : {};
  const snapshots: Judged<SnapshotManifest>[] = [];
  let base: SnapshotManifest | undefined;
  for (const { snapshotId, logTimeMs } of listing.snapshots.toReversed()) {
    // It has its time in its name; but one sound manifest is needed to know what the archive must reach.
    const isAfter = limit.kind === 'time' && logTimeMs > limit.timeMs;
    if (isAfter && snapshots.some(({ value }) => value)) continue;
    const found = await judgedManifest(store, listing, snapshotId, call);
    snapshots.push(found);
    if (!found.value || options.passedOver.has(snapshotId)) continue;
    if (!isWithin(limit, pointOf(found.value))) continue;
    base = found.value;
    break;
  }
  const afterSequence = base?.sequence ?? 0;
  const untilSequence = limit.kind === 'sequence' ? limit.sequence : Infinity;
  return catalogOf(store, listing, { snapshots, afterSequence, untilSequence }, call);
}

/** The part that a snapshot by itself needs. */
export async function loadSnapshot(
  store: ObjectStore,
  listing: Listing,
  snapshotId: string,
  call: Call,
): Promise<Catalog> {
  const isThere = listing.snapshots.some((entry) => entry.snapshotId === snapshotId);
  const snapshots = isThere ? [await judgedManifest(store, listing, snapshotId, call)] : [];
  const sequence = snapshots[0]?.value?.sequence ?? Infinity;
  const range = { snapshots, afterSequence: sequence, untilSequence: sequence };
  return catalogOf(store, listing, range, call);
}

type Judged<T> = { readonly value?: T; readonly damage?: Damage };

async function catalogOf(
  store: ObjectStore,
  listing: Listing,
  part: {
    readonly snapshots: readonly Judged<SnapshotManifest>[];
    readonly afterSequence: number;
    readonly untilSequence: number;
  },
  call: Call,
): Promise<Catalog> {
  const { tenantId, unfinished, incomplete, unknown, sizes } = listing;
  const { snapshots, afterSequence, untilSequence } = part;
  // One segment beyond the end is read, too: that it follows is what settles the end.
  const beyond = listing.segments.findIndex(({ firstSequence }) => firstSequence > untilSequence);
  const upTo = beyond < 0 ? listing.segments : listing.segments.slice(0, beyond + 1);
  const needed = upTo.filter((_, i) => {
    const next = listing.segments[i + 1];
    return !next || next.firstSequence > afterSequence + 1;
  });
  const read = (entry: CataloguedSegment) =>
    judged(entry.segment, entry.firstSequence, () => readSegment(store, entry, sizes, call));
  const segments = await mapBounded(needed, readsInFlightMax, read);
  const end = listing.segments.at(-1);
  const ending = end && (end === needed.at(-1) ? segments.at(-1) : await read(end));
  const sound = segments.flatMap(({ value }) => value ?? []);
  const erasures = await mapBounded(listing.erasures, readsInFlightMax, async (entry) =>
    erasedBy(entry, await judgedErasure(store, entry.object, call), sound),
  );
  const history: History = {
    tenantId,
    segments: sound,
    snapshots: snapshots
      .flatMap(({ value }) => value ?? [])
      .sort((a, b) => a.sequence - b.sequence),
    erasures,
    damaged: [...segments, ...snapshots].flatMap(({ damage }) => damage ?? []),
  };
  const last = ending && (ending.value ?? 'damaged');
  return { history, windows: windowsOf(history), last, unfinished, incomplete, unknown, sizes };
}

function judgedManifest(
  store: ObjectStore,
  { tenantId, sizes }: Listing,
  id: string,
  call: Call,
): Promise<Judged<SnapshotManifest>> {
  return judged(id, undefined, () => readManifest(store, tenantId, id, sizes, call));
}

function judgedErasure(store: ObjectStore, name: string, call: Call): Promise<Judged<Erasure>> {
  return judged(name, undefined, async () =>
    parseErasure(await store.read(name, { bytesMax: documentBytesMax, ...call }), name),
  );
}

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
