import { EntError, isEntError, parseTenantId, type TenantId } from '@entdb/base';

/**
 * The names of all objects, in both directions. They are contract: a name says which tenant and which records an object belongs to
 * before a byte of it is read. A name has one spelling, and what has another is not ours: it is reported, never passed over.
 *
 *     archive/<tenant>/<YYYY-MM-DD>/segment_<first sequence, 20 digits>.jsonl.gz
 *     archive/<tenant>/<YYYY-MM-DD>/segment_<first sequence, 20 digits>.checksum
 *     snapshots/<tenant>/snap_<ISO time>/{canonical.db,mailbox.db,manifest.json}
 *     restores/<tenant>/<sequence, 20 digits>/{canonical.db,mailbox.db,manifest.json}
 *     erasures/<tenant>/<sequence, 20 digits>.json
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
  | { readonly kind: 'manifest'; readonly tenantId: TenantId; readonly snapshotId: string }
  /** The state after a record that a tenant was restored to in place. */
  | {
      readonly kind: 'restore-point-file';
      readonly tenantId: TenantId;
      readonly sequence: number;
      readonly file: SnapshotFileName;
    }
  | {
      readonly kind: 'restore-point-manifest' | 'erasure';
      readonly tenantId: TenantId;
      readonly sequence: number;
    };

export const archivePrefix = (tenantId: string): string => `archive/${parseTenantId(tenantId)}/`;
export const snapshotsPrefix = (tenantId: string): string =>
  `snapshots/${parseTenantId(tenantId)}/`;
export const restorePointsPrefix = (tenantId: string): string =>
  `restores/${parseTenantId(tenantId)}/`;
export const erasuresPrefix = (tenantId: string): string => `erasures/${parseTenantId(tenantId)}/`;

/** The folder of a segment: the UTC date of the running maximum of the tenant's log times at its first record. */
export function segmentDate(timeMs: number): string {
  return isoTime(timeMs).slice(0, 10);
}

export function segmentName(tenantId: string, date: string, firstSequence: number): string {
  if (!isDate(date)) throw malformed('date', `${JSON.stringify(date)} is no date`);
  const digits = sequenceDigits(firstSequence);
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

/** `sequence`: of the record whose state is there. */
export const restorePointPrefix = (tenantId: string, sequence: number): string =>
  `${restorePointsPrefix(tenantId)}${sequenceDigits(sequence)}/`;
export const restorePointFileName = (
  tenantId: string,
  sequence: number,
  file: SnapshotFileName,
): string => `${restorePointPrefix(tenantId, sequence)}${file}`;
export const restorePointManifestName = (tenantId: string, sequence: number): string =>
  `${restorePointPrefix(tenantId, sequence)}manifest.json`;

/** `sequence`: of the record that erases. */
export const erasureName = (tenantId: string, sequence: number): string =>
  `${erasuresPrefix(tenantId)}${sequenceDigits(sequence)}.json`;

/** What an object is, by its name; undefined for a name that the functions above do not give. */
export function parseObjectName(name: string): ObjectName | undefined {
  try {
    const found =
      readSegmentName(name) ??
      readSnapshotName(name) ??
      readRestorePointName(name) ??
      readErasureName(name);
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

function readRestorePointName(name: string): ObjectName | undefined {
  const parts = /^restores\/([^/]+)\/([0-9]{20})\/([^/]+)$/.exec(name);
  if (!parts) return undefined;
  const [, tenant = '', digits = '', last] = parts;
  const tenantId = parseTenantId(tenant);
  const sequence = Number(digits);
  if (last === 'manifest.json') return { kind: 'restore-point-manifest', tenantId, sequence };
  const file = snapshotFiles.find((known) => known === last);
  return file && { kind: 'restore-point-file', tenantId, sequence, file };
}

function readErasureName(name: string): ObjectName | undefined {
  const parts = /^erasures\/([^/]+)\/([0-9]{20})\.json$/.exec(name);
  if (!parts) return undefined;
  const [, tenant = '', digits = ''] = parts;
  return { kind: 'erasure', tenantId: parseTenantId(tenant), sequence: Number(digits) };
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
    case 'restore-point-file':
      return restorePointFileName(name.tenantId, name.sequence, name.file);
    case 'restore-point-manifest':
      return restorePointManifestName(name.tenantId, name.sequence);
    case 'erasure':
      return erasureName(name.tenantId, name.sequence);
  }
}

function sequenceDigits(sequence: number): string {
  if (!Number.isSafeInteger(sequence) || sequence < 1)
    throw malformed('sequence', `${sequence} is no sequence`);
  return String(sequence).padStart(20, '0');
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
