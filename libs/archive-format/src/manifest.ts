import { invariant } from '@entdb/base';
import { isCount, isObject, isSha256, isText, openDocument, sealDocument } from './document.ts';
import { formatFault } from './faults.ts';
import {
  manifestName,
  parseObjectName,
  restorePointManifestName,
  snapshotFiles,
  snapshotId,
  type SnapshotFileName,
} from './names.ts';

export interface SnapshotFile {
  readonly name: SnapshotFileName;
  readonly bytes: number;
  /** Of the stored bytes, in lower-case hexadecimal. */
  readonly sha256: string;
}

/** What a snapshot is, or a restore point (docs/formats/manifest.md). Written last: without it there is none. */
export interface SnapshotManifest {
  readonly tenantId: string;
  /** Of the last record in it. */
  readonly position: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
  };
  readonly sequence: number;
  readonly epoch: number;
  /** The running maximum of the tenant's log times at the position, microseconds in whole milliseconds: it names the snapshot. */
  readonly logTimeUs: number;
  /** Of the newest schema; empty where the tenant has none. */
  readonly schemaFingerprint: string;
  /** Both, in the order of `snapshotFiles`. */
  readonly files: readonly SnapshotFile[];
  /** The kept content digests of the two files. */
  readonly digests: { readonly canonical: string; readonly mailbox: string };
  /** The last record on the way whose published digests were compared and found the same, and who published them; absent where none were. */
  readonly confirmed?: {
    readonly sequence: number;
    /** In ascending order, each once. */
    readonly instances: readonly string[];
  };
}

export const confirmedInstancesMax = 16;

/** The object's text. Breaks an invariant where the manifest contradicts itself. */
export function encodeManifest(manifest: SnapshotManifest): string {
  const contradiction = contradictionIn(manifest);
  invariant(contradiction === undefined, `a manifest: ${contradiction}`);
  return seal(manifest);
}

/** Throws SNAPSHOT_CORRUPT or UNKNOWN_FORMAT. `name` is the manifest object's own name. */
export function parseManifest(bytes: Uint8Array, name: string): SnapshotManifest {
  const own = parseObjectName(name);
  invariant(
    own?.kind === 'manifest' || own?.kind === 'restore-point-manifest',
    `${name} names no manifest`,
  );
  const place = { tenantId: own.tenantId, object: name };
  const corrupt = (what: string) => formatFault('SNAPSHOT_CORRUPT', place, what);
  const document = openDocument(bytes);
  if (document.kind === 'unknown-format')
    throw formatFault('UNKNOWN_FORMAT', place, `a manifest of format ${document.format}`);
  if (document.kind === 'corrupt') throw corrupt(document.reason);
  const manifest = readFields(document.fields);
  if (!manifest) throw corrupt('a field is missing or malformed');
  const contradiction = contradictionIn(manifest);
  if (contradiction !== undefined) throw corrupt(contradiction);
  if (manifest.tenantId !== own.tenantId)
    throw corrupt(`it is the manifest of tenant ${manifest.tenantId}`);
  const named =
    own.kind === 'manifest'
      ? manifestName(manifest.tenantId, idOf(manifest))
      : restorePointManifestName(manifest.tenantId, manifest.sequence);
  if (named !== name) throw corrupt(`it is the manifest that belongs to ${named}`);
  if (!Buffer.from(seal(manifest)).equals(bytes)) throw corrupt('it is not in its one form');
  return manifest;
}

const idOf = ({ logTimeUs }: SnapshotManifest): string => snapshotId(logTimeUs / 1000);

function seal(manifest: SnapshotManifest): string {
  const { topic, partition, offset } = manifest.position;
  return sealDocument({
    tenant_id: manifest.tenantId,
    timestamp: idOf(manifest).slice('snap_'.length),
    wal_position: { topic, partition, offset },
    schema_fingerprint: manifest.schemaFingerprint,
    sequence: manifest.sequence,
    epoch: manifest.epoch,
    record_count: manifest.sequence, // sequences are dense from 1
    log_time_us: manifest.logTimeUs,
    files: manifest.files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    digests: { canonical: manifest.digests.canonical, mailbox: manifest.digests.mailbox },
    ...(manifest.confirmed && {
      confirmed: {
        sequence: manifest.confirmed.sequence,
        instances: manifest.confirmed.instances,
      },
    }),
  });
}

/** `timestamp` and `record_count` are not read: they follow from others, and the one form holds them to it. */
function readFields(fields: Readonly<Record<string, unknown>>): SnapshotManifest | undefined {
  const { tenant_id: tenantId, wal_position: position, sequence, epoch, files, digests } = fields;
  const { schema_fingerprint: schemaFingerprint, log_time_us: logTimeUs } = fields;
  if (!isText(tenantId) || typeof schemaFingerprint !== 'string') return undefined;
  if (!isCount(sequence) || !isCount(epoch) || !isCount(logTimeUs)) return undefined;
  if (!isObject(position) || !isObject(digests) || !Array.isArray(files)) return undefined;
  const { topic, partition, offset } = position;
  if (!isText(topic) || !isCount(partition) || !isCount(offset)) return undefined;
  const { canonical, mailbox } = digests;
  if (!isSha256(canonical) || !isSha256(mailbox)) return undefined;
  const read = files.map(readFile);
  if (!read.every((file) => file !== undefined)) return undefined;
  const confirmed = fields.confirmed === undefined ? undefined : readConfirmed(fields.confirmed);
  if (confirmed === 'malformed') return undefined;
  return {
    tenantId,
    position: { topic, partition, offset },
    sequence,
    epoch,
    logTimeUs,
    schemaFingerprint,
    files: read,
    digests: { canonical, mailbox },
    ...(confirmed && { confirmed }),
  };
}

function readConfirmed(json: unknown): NonNullable<SnapshotManifest['confirmed']> | 'malformed' {
  if (!isObject(json)) return 'malformed';
  const { sequence, instances } = json;
  if (!isCount(sequence) || !Array.isArray(instances) || !instances.every(isText))
    return 'malformed';
  return { sequence, instances };
}

function readFile(json: unknown): SnapshotFile | undefined {
  if (!isObject(json)) return undefined;
  const { bytes, sha256 } = json;
  const name = snapshotFiles.find((known) => known === json.name);
  return name !== undefined && isCount(bytes) && isSha256(sha256)
    ? { name, bytes, sha256 }
    : undefined;
}

/** What in it cannot be true, if anything. */
function contradictionIn(manifest: SnapshotManifest): string | undefined {
  const { sequence, logTimeUs, schemaFingerprint, files } = manifest;
  if (sequence < 1 || sequence > manifest.position.offset + 1)
    return `record ${sequence} of the tenant cannot stand at offset ${manifest.position.offset}`;
  if (logTimeUs % 1000 !== 0) return `log time ${logTimeUs} is not in whole milliseconds`;
  if (schemaFingerprint !== '' && !/^sha256:[0-9a-f]{64}$/.test(schemaFingerprint))
    return `${JSON.stringify(schemaFingerprint)} is no fingerprint`;
  if (files.map(({ name }) => name).join() !== snapshotFiles.join())
    return `its files are ${files.map(({ name }) => name).join() || 'none'}`;
  const { confirmed } = manifest;
  if (!confirmed) return undefined;
  if (confirmed.sequence < 1 || confirmed.sequence > sequence)
    return `record ${confirmed.sequence}, which was compared, is not in it`;
  const { instances } = confirmed;
  if (instances.length < 1 || instances.length > confirmedInstancesMax)
    return `${instances.length} instances published what was compared`;
  if (instances.some((instance, i) => i > 0 && instance <= instances[i - 1]!))
    return 'the instances that published are not in order';
  return undefined;
}
