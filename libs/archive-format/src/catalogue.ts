import { parseObjectName, parseSnapshotId, segmentName, snapshotFiles } from './names.ts';

/** What listings of a tenant's objects say, in whatever order they came. Pure: the names are all there is to it. */

export interface CataloguedSegment {
  /** The segment's name, whether or not it is there. */
  readonly segment: string;
  readonly firstSequence: number;
  /** `unsealed`: without a checksum, and never to be trusted. `lost`: a checksum without its segment. */
  readonly state: 'whole' | 'unsealed' | 'lost';
}

export interface ArchiveCatalogue {
  /** In ascending order of sequence. Two of one sequence are both here: the chain tells them apart. */
  readonly segments: readonly CataloguedSegment[];
  /** Names under the tenant's prefix that no version of ours wrote. */
  readonly unknown: readonly string[];
}

/** What a listing of a tenant's archive says, in whatever order it came. */
export function catalogueArchive(tenantId: string, names: Iterable<string>): ArchiveCatalogue {
  const unknown: string[] = [];
  const found = new Map<string, { firstSequence: number; kinds: Set<string> }>();
  for (const name of names) {
    const object = parseObjectName(name);
    const isArchive = object?.kind === 'segment' || object?.kind === 'checksum';
    if (!isArchive || object.tenantId !== tenantId) {
      unknown.push(name);
      continue;
    }
    const segment = segmentName(tenantId, object.date, object.firstSequence);
    const entry = found.get(segment) ?? { firstSequence: object.firstSequence, kinds: new Set() };
    entry.kinds.add(object.kind);
    found.set(segment, entry);
  }
  const segments = [...found].map(([segment, { firstSequence, kinds }]): CataloguedSegment => {
    const state = kinds.size === 2 ? 'whole' : kinds.has('segment') ? 'unsealed' : 'lost';
    return { segment, firstSequence, state };
  });
  const order = (a: CataloguedSegment, b: CataloguedSegment) =>
    a.firstSequence - b.firstSequence || (a.segment < b.segment ? -1 : 1);
  return { segments: segments.sort(order), unknown: unknown.sort() };
}

export interface CataloguedSnapshot {
  readonly snapshotId: string;
  readonly logTimeMs: number;
  /** A snapshot without its manifest is none: it was never finished. */
  readonly complete: boolean;
}

export interface SnapshotCatalogue {
  /** Oldest first. */
  readonly snapshots: readonly CataloguedSnapshot[];
  readonly unknown: readonly string[];
}

export function catalogueSnapshots(tenantId: string, names: Iterable<string>): SnapshotCatalogue {
  const unknown: string[] = [];
  const files = new Map<string, Set<string>>();
  for (const name of names) {
    const object = parseObjectName(name);
    const isSnapshot = object?.kind === 'snapshot-file' || object?.kind === 'manifest';
    if (!isSnapshot || object.tenantId !== tenantId) {
      unknown.push(name);
      continue;
    }
    const there = files.get(object.snapshotId) ?? new Set();
    there.add(object.kind === 'manifest' ? 'manifest.json' : object.file);
    files.set(object.snapshotId, there);
  }
  const snapshots = [...files].map(([id, there]) => ({
    snapshotId: id,
    ...parseSnapshotId(id),
    complete: there.size === snapshotFiles.length + 1,
  }));
  return {
    snapshots: snapshots.sort((a, b) => a.logTimeMs - b.logTimeMs),
    unknown: unknown.sort(),
  };
}
