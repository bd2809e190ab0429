import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  encodeManifest,
  manifestName,
  parseManifest,
  snapshotFileName,
  snapshotFiles,
  type SnapshotFile,
  type SnapshotManifest,
} from '@entdb/archive-format';
import { EntError, isEntError, parseTenantId } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { exportTenant, openTenantWriter, tenantFacts, type TenantFacts } from '@entdb/tenant-store';
import { isDamage, loadCatalog } from './catalog.ts';
import { fetchSnapshot } from './fetch-snapshot.ts';
import { fsyncPath, hashChunks, hashFile } from './files.ts';
import { idOf, pathFrom, type Damage, type History } from './history.ts';
import { beforeFirst, type Limit, type Point } from './limit.ts';
import { assertDigests, pointAt, replaySegments, type Digests } from './replay.ts';

export interface SnapshotRequest {
  readonly store: ObjectStore;
  readonly tenantId: string;
  /** Working copies between snapshots, one folder a tenant. Can be lost at any time: it costs a download. */
  readonly cacheDir: string;
  /**
   * The digests that appliers published, by sequence. Those on the way are compared, and where none of them is, the snapshot is made all the same: the
   * manifest's own digests are then compared later by whoever has them.
   */
  readonly published?: ReadonlyMap<number, Digests>;
  /** No snapshot unless at least so many records came since the last. Default 1. */
  readonly recordsMin?: number;
  readonly signal?: AbortSignal;
}

export type SnapshotOutcome =
  | {
      readonly kind: 'made';
      readonly id: string;
      readonly manifest: SnapshotManifest;
      /** What a published digest confirmed; the others were not at hand. */
      readonly confirmed: readonly number[];
      readonly passedOver: readonly Damage[];
    }
  /** The newest snapshot is new enough. */
  | { readonly kind: 'current'; readonly at: Point };

/**
 * Makes a snapshot of a tenant from its objects alone: the cached working copy, or else the newest sound snapshot, or else nothing at all; then the archived
 * segments since; then a compact copy of both files, uploaded, fetched again, opened and looked through; the manifest last. So a snapshot is
 * at the same time the proof that the archive can be read, and the second opinion on what the appliers hold.
 *
 * Throws SNAPSHOT_DIGEST_MISMATCH where a published digest disagrees, and whatever keeps the archive from being read; there is no snapshot then.
 * Two snapshotters of one tenant do no harm, each with a folder of its own.
 */
export async function makeSnapshot(request: SnapshotRequest): Promise<SnapshotOutcome> {
  const {
    store,
    tenantId,
    cacheDir,
    published = new Map<number, Digests>(),
    recordsMin = 1,
    signal,
  } = request;
  const call = signal ? { signal } : {};
  const work = join(cacheDir, parseTenantId(tenantId));
  mkdirSync(cacheDir, { recursive: true });

  const { history } = await loadCatalog(store, tenantId, call);
  const newest = history.snapshots.at(-1);
  const { base, passedOver } = await openBase(request, work, history);
  const path = pathFrom(history, base, everything);
  if (path.end.kind === 'broken') {
    const { damage, fault } = path.end;
    throw new EntError(damage?.code ?? 'ARCHIVE_BROKEN', damage?.reason ?? fault.message, {
      tenantId,
      hint: 'run: entdb verify',
    });
  }
  const since = path.reached.sequence - (newest?.sequence ?? 0);
  if (path.reached.sequence === 0 || since < recordsMin)
    return { kind: 'current', at: path.reached };

  const expected = new Map([
    ...history.snapshots.map(({ sequence, digests }) => [sequence, digests] as const),
    ...published,
  ]);
  const facts = await asMismatch(tenantId, work, async () => {
    const writer = openTenantWriter({ dir: work, tenantId, create: false });
    try {
      // Published digests of the position itself, which no replay leads to any more.
      const there = expected.get(writer.position.sequence);
      if (there) assertDigests(tenantId, pointAt(writer.position), there, writer.digests());
      await replaySegments(store, path.segments, writer, { limit: everything, expected, ...call });
    } finally {
      writer.close();
    }
    return tenantFacts(work, tenantId);
  });
  const confirmed = [...published.keys()].filter(
    (sequence) => sequence >= base.sequence && sequence <= facts.position.sequence,
  );
  const manifest = await upload(request, work, facts);
  return { kind: 'made', id: idOf(manifest), manifest, confirmed, passedOver };
}

const everything: Limit = { kind: 'latest' };

/** A disagreement is told by its own name. The working copy goes: it may have passed the place, and would not be compared there again. */
async function asMismatch(
  tenantId: string,
  work: string,
  body: () => Promise<TenantFacts>,
): Promise<TenantFacts> {
  try {
    return await body();
  } catch (cause) {
    if (!isEntError(cause, 'RESTORE_DIGEST_MISMATCH')) throw cause;
    rmSync(work, { recursive: true, force: true });
    throw new EntError('SNAPSHOT_DIGEST_MISMATCH', cause.message, {
      tenantId,
      cause,
      hint: 'the archive leads to another content than the appliers or an earlier snapshot have; no snapshot was made; run: entdb verify --level restore',
    });
  }
}

/** Brings files into the working folder that stand on the tenant's history, the furthest that there are. */
async function openBase(
  { store, tenantId, signal }: SnapshotRequest,
  work: string,
  { segments, snapshots }: History,
): Promise<{ readonly base: Point; readonly passedOver: readonly Damage[] }> {
  const passedOver: Damage[] = [];
  const cached = cachedPoint(work, tenantId);
  // Further than everything that is archived: a copy of another bucket's history.
  const end = Math.max(segments.at(-1)?.lastSequence ?? 0, snapshots.at(-1)?.sequence ?? 0);
  if (cached && cached.sequence <= end) return { base: cached, passedOver };
  rmSync(work, { recursive: true, force: true });
  const incoming = `${work}.incoming`;
  for (const manifest of snapshots.toReversed()) {
    try {
      rmSync(incoming, { recursive: true, force: true });
      mkdirSync(incoming);
      await fetchSnapshot(store, manifest, incoming, signal ? { signal } : {});
      renameSync(incoming, work);
      fsyncPath(dirname(work));
      return { base: cachedPoint(work, tenantId) ?? beforeFirst, passedOver };
    } catch (error) {
      rmSync(incoming, { recursive: true, force: true });
      if (!isDamage(error)) throw error;
      passedOver.push({ object: idOf(manifest), code: error.code, reason: error.message });
    }
  }
  openTenantWriter({ dir: work, tenantId, create: true }).close();
  return { base: beforeFirst, passedOver };
}

/** Where the cached files stand; undefined where there are none that can be used. */
function cachedPoint(work: string, tenantId: string): Point | undefined {
  if (!existsSync(work)) return undefined;
  try {
    const writer = openTenantWriter({ dir: work, tenantId, create: false, check: 'quick' });
    const at = pointAt(writer.position);
    writer.close();
    return at;
  } catch (error) {
    if (error instanceof EntError) return undefined; // they are made again
    throw error;
  }
}

async function upload(
  { store, tenantId, cacheDir, signal }: SnapshotRequest,
  work: string,
  facts: TenantFacts,
): Promise<SnapshotManifest> {
  const call = signal ? { signal } : {};
  const draft = mkdtempSync(join(cacheDir, '.draft-'));
  try {
    const copy = exportTenant({ dir: work, tenantId, target: join(draft, 'copy') });
    assertDigests(tenantId, pointAt(copy.position), facts.digests, copy.digests);
    const own: OwnFile[] = [];
    for (const name of snapshotFiles) {
      const path = join(draft, 'copy', name);
      own.push({ path, file: { name, ...(await hashFile(path)) } });
    }
    const { topic, partition, offset, sequence, epoch, logTimeUs } = facts.position;
    const of = (files: readonly SnapshotFile[]): SnapshotManifest => ({
      tenantId,
      position: { topic, partition, offset },
      sequence,
      epoch,
      logTimeUs,
      schemaFingerprint: facts.schemaFingerprint,
      files,
      digests: facts.digests,
    });
    const id = idOf(of([]));
    const back = join(draft, 'back');
    const tryOut = async (manifest: SnapshotManifest): Promise<SnapshotManifest> => {
      rmSync(back, { recursive: true, force: true });
      mkdirSync(back);
      await fetchSnapshot(store, manifest, back, call);
      return manifest;
    };
    const stored = await uploadFiles(store, tenantId, id, own, call);
    const manifest = await tryOut(of(stored)).catch(async (error: unknown) => {
      const isForeign = stored.some((file, i) => file !== own[i]?.file);
      if (!isForeign || !isDamage(error)) throw error;
      await removeOrphan(store, tenantId, id, call);
      return tryOut(of(await uploadFiles(store, tenantId, id, own, call)));
    });
    return await seal(store, manifest, call);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

type Call = { readonly signal?: AbortSignal };

interface OwnFile {
  readonly path: string;
  readonly file: SnapshotFile;
}

/**
 * Gives what then stands in the store. Where another snapshotter was first, alive or dead, its file stays: two equal contents may differ in bytes, and
 * to replace it could tear a snapshot that the other is about to seal.
 */
async function uploadFiles(
  store: ObjectStore,
  tenantId: string,
  id: string,
  own: readonly OwnFile[],
  call: Call,
): Promise<readonly SnapshotFile[]> {
  const stored: SnapshotFile[] = [];
  for (const { path, file } of own) {
    const key = snapshotFileName(tenantId, id, file.name);
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
  tenantId: string,
  id: string,
  call: Call,
): Promise<void> {
  if (await store.stat(manifestName(tenantId, id), call)) return; // finished by another: `seal` compares
  const keys = snapshotFiles.map((name) => snapshotFileName(tenantId, id, name));
  await store.remove(keys, call);
}

/** Two snapshots of one millisecond have one name; the first is kept, if it is of the same position and content. */
async function seal(
  store: ObjectStore,
  manifest: SnapshotManifest,
  call: Call,
): Promise<SnapshotManifest> {
  const name = manifestName(manifest.tenantId, idOf(manifest));
  const created = await store.create(name, Buffer.from(encodeManifest(manifest)), call);
  if (created === 'created') return manifest;
  const there = parseManifest(await store.read(name, call), name);
  const same =
    there.sequence === manifest.sequence &&
    there.digests.canonical === manifest.digests.canonical &&
    there.digests.mailbox === manifest.digests.mailbox;
  if (same) return there;
  throw new EntError(
    'SNAPSHOT_DIGEST_MISMATCH',
    `${name} is of record ${there.sequence} with other content than record ${manifest.sequence} has`,
    { tenantId: manifest.tenantId, hint: 'two snapshotters, or two histories; run: entdb verify' },
  );
}
