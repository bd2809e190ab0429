import { EntError, isEntError, parseTenantId, type TenantId } from '@entdb/base';

/**
 * The names of all objects, in both directions. They are contract: a name says which tenant and which records an object belongs to
 * before a byte of it is read. A name has one spelling, and what has another is not ours: it is reported, never passed over.
 *
 *     archive/<tenant>/<YYYY-MM-DD>/segment_<first sequence, 20 digits>.jsonl.gz
 *     archive/<tenant>/<YYYY-MM-DD>/segment_<first sequence, 20 digits>.checksum
 *     snapshots/<tenant>/snap_<ISO time>/{canonical.db,mailbox.db,manifest.json}
 */

export const snapshotFiles = ['canonical.db', 'mailbox.db'] as const;
export type SnapshotFileName = (typeof snapshotFiles)[number];

export type ObjectName =
  | {
      readonly kind: 'segment' | 'checksum';
      readonly tenantId: TenantId;
      readonly date: string;
      readonly firstSequence: number;
    }
  | {
      readonly kind: 'snapshot-file';
      readonly tenantId: TenantId;
      readonly snapshotId: string;
      readonly file: SnapshotFileName;
    }
  | { readonly kind: 'manifest'; readonly tenantId: TenantId; readonly snapshotId: string };

export const archivePrefix = (tenantId: string): string => `archive/${parseTenantId(tenantId)}/`;
export const snapshotsPrefix = (tenantId: string): string =>
  `snapshots/${parseTenantId(tenantId)}/`;

/** The folder of a segment: the UTC date of the running maximum of the tenant's log times at its first record. */
export function segmentDate(timeMs: number): string {
  return isoTime(timeMs).slice(0, 10);
}

export function segmentName(tenantId: string, date: string, firstSequence: number): string {
  if (!isDate(date)) throw malformed('date', `${JSON.stringify(date)} is no date`);
  if (!Number.isSafeInteger(firstSequence) || firstSequence < 1)
    throw malformed('firstSequence', `${firstSequence} is no sequence`);
  const digits = String(firstSequence).padStart(20, '0');
  return `${archivePrefix(tenantId)}${date}/segment_${digits}.jsonl.gz`;
}

/** The checksum that belongs to a segment. */
export function checksumNameOf(segment: string): string {
  if (parseObjectName(segment)?.kind !== 'segment')
    throw malformed('segment', `${JSON.stringify(segment)} names no segment`);
  return segment.replace(/\.jsonl\.gz$/, '.checksum');
}

/** `snap_2026-09-21T12:34:56.789Z`: by the log time of the snapshot's position, in whole milliseconds. */
export function snapshotId(logTimeMs: number): string {
  return `snap_${isoTime(logTimeMs)}`;
}

/** The log time in a snapshot's id. Throws INVALID_ARGUMENT for what is none. */
export function parseSnapshotId(id: string): { readonly logTimeMs: number } {
  const logTimeMs = id.startsWith('snap_') ? Date.parse(id.slice('snap_'.length)) : Number.NaN;
  if (isTime(logTimeMs) && snapshotId(logTimeMs) === id) return { logTimeMs };
  throw malformed(
    'snapshot_id',
    `${JSON.stringify(id)} names no snapshot`,
    'an id looks like snap_2026-09-21T12:34:56.789Z; list-snapshots prints those there are',
  );
}

export function snapshotPrefix(tenantId: string, id: string): string {
  parseSnapshotId(id);
  return `${snapshotsPrefix(tenantId)}${id}/`;
}

export const snapshotFileName = (tenantId: string, id: string, file: SnapshotFileName): string =>
  `${snapshotPrefix(tenantId, id)}${file}`;
export const manifestName = (tenantId: string, id: string): string =>
  `${snapshotPrefix(tenantId, id)}manifest.json`;

/** What an object is, by its name; undefined for a name that the functions above do not give. */
export function parseObjectName(name: string): ObjectName | undefined {
  try {
    const found = readSegmentName(name) ?? readSnapshotName(name);
    return found && spelling(found) === name ? found : undefined;
  } catch (error) {
    if (isEntError(error)) return undefined; // a part is malformed
    throw error;
  }
}

function readSegmentName(name: string): ObjectName | undefined {
  const parts = /^archive\/([^/]+)\/([^/]+)\/segment_([0-9]{20})\.(jsonl\.gz|checksum)$/.exec(name);
  if (!parts) return undefined;
  const [, tenant = '', date = '', digits = '', ending] = parts;
  return {
    kind: ending === 'checksum' ? 'checksum' : 'segment',
    tenantId: parseTenantId(tenant),
    date,
    firstSequence: Number(digits),
  };
}

function readSnapshotName(name: string): ObjectName | undefined {
  const parts = /^snapshots\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(name);
  if (!parts) return undefined;
  const [, tenant = '', id = '', last] = parts;
  const tenantId = parseTenantId(tenant);
  if (last === 'manifest.json') return { kind: 'manifest', tenantId, snapshotId: id };
  const file = snapshotFiles.find((known) => known === last);
  return file && { kind: 'snapshot-file', tenantId, snapshotId: id, file };
}

function spelling(name: ObjectName): string {
  switch (name.kind) {
    case 'segment':
      return segmentName(name.tenantId, name.date, name.firstSequence);
    case 'checksum':
      return checksumNameOf(segmentName(name.tenantId, name.date, name.firstSequence));
    case 'snapshot-file':
      return snapshotFileName(name.tenantId, name.snapshotId, name.file);
    case 'manifest':
      return manifestName(name.tenantId, name.snapshotId);
  }
}

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

const timeMsMax = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const isTime = (timeMs: number): boolean =>
  Number.isSafeInteger(timeMs) && timeMs >= 0 && timeMs <= timeMsMax;

function isDate(date: string): boolean {
  const timeMs = /^\d{4}-\d\d-\d\d$/.test(date) ? Date.parse(`${date}T00:00:00.000Z`) : Number.NaN;
  return isTime(timeMs) && segmentDate(timeMs) === date;
}

/** Four digits of year, so that text order is time order. */
function isoTime(timeMs: number): string {
  if (!isTime(timeMs)) throw malformed('time', `${timeMs} is no time from 1970 to 9999`);
  return new Date(timeMs).toISOString();
}

function malformed(field: string, message: string, hint?: string): EntError {
  return new EntError('INVALID_ARGUMENT', message, { field, ...(hint !== undefined && { hint }) });
}
