import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  encodeManifest,
  parseManifest,
  snapshotFiles,
  type SnapshotFile,
  type SnapshotManifest,
} from '@entdb/archive-format';
import { EntError } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import type { TenantFacts } from '@entdb/tenant-store';
import { isDamage } from './damage.ts';
import { fetchState } from './fetch-snapshot.ts';
import { hashChunks, hashFile } from './files.ts';
import type { StatePlace } from './state-place.ts';

export interface UploadOptions {
  readonly store: ObjectStore;
  readonly place: StatePlace;
  /** Closed files, and what they say of themselves. */
  readonly dir: string;
  readonly facts: TenantFacts;
  readonly confirmed?: SnapshotManifest['confirmed'];
  /** A folder of the caller's, for what is fetched again. */
  readonly scratch: string;
}

type Call = { readonly signal?: AbortSignal };

interface OwnFile {
  readonly path: string;
  readonly file: SnapshotFile;
}

/**
 * Puts a tenant's files into the store, fetches them again, opens them and holds them against the manifest, which comes last: without it nothing is there. Gives the manifest that
 * then stands there; it is another's where that one was first and has the same content.
 */
export async function uploadState(
  { store, place, dir, facts, confirmed, scratch }: UploadOptions,
  call: Call,
): Promise<SnapshotManifest> {
  const own: OwnFile[] = [];
  for (const name of snapshotFiles) {
    const path = join(dir, name);
    own.push({ path, file: { name, ...(await hashFile(path)) } });
  }
  const { topic, partition, offset, sequence, epoch, logTimeUs } = facts.position;
  const of = (files: readonly SnapshotFile[]): SnapshotManifest => ({
    tenantId: facts.tenantId,
    position: { topic, partition, offset },
    sequence,
    epoch,
    logTimeUs,
    schemaFingerprint: facts.schemaFingerprint,
    files,
    digests: facts.digests,
    ...(confirmed && { confirmed }),
  });
  const back = join(scratch, 'back');
  const tryOut = async (manifest: SnapshotManifest): Promise<SnapshotManifest> => {
    rmSync(back, { recursive: true, force: true });
    mkdirSync(back);
    await fetchState(store, manifest, place, back, { check: 'structure', ...call });
    return manifest;
  };
  const stored = await uploadFiles(store, place, own, call);
  const manifest = await tryOut(of(stored)).catch(async (error: unknown) => {
    const isForeign = stored.some((file, i) => file !== own[i]?.file);
    if (!isForeign || !isDamage(error)) throw error;
    await removeOrphan(store, place, call);
    return tryOut(of(await uploadFiles(store, place, own, call)));
  });
  return await seal(store, place, manifest, call);
}

/**
 * Gives what then stands in the store. Where another was first, alive or dead, its file stays: two equal contents may differ in bytes, and to replace it could
 * tear what the other is about to seal.
 */
async function uploadFiles(
  store: ObjectStore,
  { keyOf }: StatePlace,
  own: readonly OwnFile[],
  call: Call,
): Promise<readonly SnapshotFile[]> {
  const stored: SnapshotFile[] = [];
  for (const { path, file } of own) {
    const key = keyOf(file.name);
    const { bytes: size, sha256 } = file;
    const created = await store.create(key, { path, size }, { sha256, ...call });
    stored.push(
      created === 'created'
        ? file
        : { name: file.name, ...(await hashChunks(store.readStream(key, call))) },
    );
  }
  return stored;
}

/** Files without a manifest that are damaged, or of another record of the same millisecond: nobody can use them. */
async function removeOrphan(
  store: ObjectStore,
  { manifestKey, keyOf }: StatePlace,
  call: Call,
): Promise<void> {
  if (await store.stat(manifestKey, call)) return; // finished by another: `seal` compares
  await store.remove(snapshotFiles.map(keyOf), call);
}

/** The first manifest is kept, if it is of the same position and content. */
async function seal(
  store: ObjectStore,
  { manifestKey }: StatePlace,
  manifest: SnapshotManifest,
  call: Call,
): Promise<SnapshotManifest> {
  const created = await store.create(manifestKey, Buffer.from(encodeManifest(manifest)), call);
  if (created === 'created') return manifest;
  const there = parseManifest(await store.read(manifestKey, call), manifestKey);
  const same =
    there.sequence === manifest.sequence &&
    there.digests.canonical === manifest.digests.canonical &&
    there.digests.mailbox === manifest.digests.mailbox;
  if (same) return there;
  throw new EntError(
    'SNAPSHOT_DIGEST_MISMATCH',
    `${manifestKey} is of record ${there.sequence} with other content than record ${manifest.sequence} has`,
    {
      tenantId: manifest.tenantId,
      hint: 'two programs at work, or two histories; run: entdb verify',
    },
  );
}
