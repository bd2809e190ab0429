import { join } from 'node:path';
import type { SnapshotFileName, SnapshotManifest } from '@entdb/archive-format';
import { EntError } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { openTenantWriter, tenantFacts } from '@entdb/tenant-store';
import { download } from './files.ts';
import { idOf } from './history.ts';
import { mapBounded } from './map-bounded.ts';
import { snapshotPlace, type StatePlace } from './state-place.ts';

export interface FetchOptions {
  /**
   * `bytes`: every stored byte has its hash, and the files are of this tenant, position, epoch and content. `structure`: and SQLite looks through every page. Whoever
   * wrote the manifest has done that with these very bytes, so it is for those who make a proof, and not for those who use one.
   */
  readonly check: 'bytes' | 'structure';
  /** Files that are in the folder already, and were hashed there. */
  readonly there?: ReadonlySet<SnapshotFileName>;
  readonly signal?: AbortSignal;
}

/**
 * Fetches a snapshot's files into an empty folder, and opens them there. They must be what the manifest says, not only byte for byte. Throws SNAPSHOT_CORRUPT
 * naming the object, or UNKNOWN_FORMAT.
 */
export function fetchSnapshot(
  store: ObjectStore,
  manifest: SnapshotManifest,
  dir: string,
  options: FetchOptions,
): Promise<void> {
  const place = snapshotPlace(manifest.tenantId, idOf(manifest));
  return fetchState(store, manifest, place, dir, options);
}

export async function fetchState(
  store: ObjectStore,
  manifest: SnapshotManifest,
  { label, keyOf }: StatePlace,
  dir: string,
  { check, there, signal }: FetchOptions,
): Promise<void> {
  const { tenantId } = manifest;
  const files = manifest.files.filter(({ name }) => !there?.has(name));
  await mapBounded(files, files.length, ({ name, bytes, sha256 }) => {
    const key = keyOf(name);
    const call = signal ? { signal } : {};
    return asDamage(manifest, key, () =>
      download(store, { key, bytes, sha256 }, join(dir, name), call),
    );
  });
  await asDamage(manifest, label, async () => {
    assertFacts(manifest, dir);
    if (check === 'structure')
      openTenantWriter({ dir, tenantId, create: false, check: 'quick' }).close();
  });
}

function assertFacts(manifest: SnapshotManifest, dir: string): void {
  const { position, digests } = tenantFacts(dir, manifest.tenantId);
  const here = manifest.position;
  const same =
    position.topic === here.topic &&
    position.partition === here.partition &&
    position.sequence === manifest.sequence &&
    position.offset === manifest.position.offset &&
    position.epoch === manifest.epoch &&
    position.logTimeUs === manifest.logTimeUs;
  if (!same)
    throw new EntError(
      'SNAPSHOT_CORRUPT',
      `its files stand at record ${position.sequence}, offset ${position.offset}, and its manifest at record ${manifest.sequence}, offset ${manifest.position.offset}`,
    );
  if (
    digests.canonical !== manifest.digests.canonical ||
    digests.mailbox !== manifest.digests.mailbox
  )
    throw new EntError('SNAPSHOT_CORRUPT', 'its files have other digests than its manifest');
}

/** Whatever is wrong with the bytes is the snapshot's damage; what the disk or the store refuses is not. */
async function asDamage(
  { tenantId }: SnapshotManifest,
  object: string,
  body: () => Promise<void>,
): Promise<void> {
  try {
    await body();
  } catch (cause) {
    if (!(cause instanceof EntError)) throw cause;
    const facts = { ...cause.facts, tenantId, cause, metadata: { object } };
    switch (cause.code) {
      case 'STORE_CORRUPT':
      case 'STORE_MISSING':
      case 'SNAPSHOT_CORRUPT':
      case 'OBJECT_NOT_FOUND':
        throw new EntError('SNAPSHOT_CORRUPT', `${object}: ${cause.message}`, facts);
      case 'UNKNOWN_FORMAT':
        throw new EntError('UNKNOWN_FORMAT', `${object}: ${cause.message}`, facts);
      default:
        throw cause;
    }
  }
}
