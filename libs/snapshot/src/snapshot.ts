import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { confirmedInstancesMax, snapshotId, type SnapshotManifest } from '@entdb/archive-format';
import { EntError, isEntError, parseTenantId } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import {
  exportTenant,
  keptDigests,
  openTenantWriter,
  tenantFacts,
  type TenantFacts,
} from '@entdb/tenant-store';
import { loadCatalog } from './catalog.ts';
import { isDamage, type Damage } from './damage.ts';
import { fetchSnapshot } from './fetch-snapshot.ts';
import { fsyncPath } from './files.ts';
import { idOf, pathFrom, type History } from './history.ts';
import { beforeFirst, type Limit, type Point } from './limit.ts';
import { assertDigests, pointAt, replaySegments, type Digests } from './replay.ts';
import { snapshotPlace } from './state-place.ts';
import { restoreNamedState } from './restore-into.ts';
import { uploadState } from './upload-state.ts';
import { openWorkingCopy, settleFolder } from './working-copy.ts';

export interface SnapshotRequest {
  readonly store: ObjectStore;
  readonly tenantId: string;
  /** Working copies between snapshots, one folder a tenant. Can be lost at any time: it costs a download. */
  readonly cacheDir: string;
  /**
   * The digests that appliers published, by sequence. Those on the way are compared, and of those before it that of canonical.db, where it was kept. Where there is
   * none of them, the snapshot is made all the same: the manifest's own digests are then compared later by whoever has them.
   */
  readonly published?: ReadonlyMap<number, PublishedDigests>;
  /** The work begins before this record, so that its digests are compared on the way: for a record that was in doubt once. */
  readonly passBy?: number;
  /** No snapshot unless at least so many records came since the last. Default 1. */
  readonly recordsMin?: number;
  readonly signal?: AbortSignal;
}

/** What an applier said of its files, and who else said the same. */
export interface PublishedDigests extends Digests {
  readonly instances?: readonly string[];
}

export type SnapshotOutcome =
  | {
      readonly kind: 'made';
      readonly id: string;
      readonly manifest: SnapshotManifest;
      /** The records whose published digests were compared and found the same, ascending. */
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
    published = new Map<number, PublishedDigests>(),
    recordsMin = 1,
    signal,
  } = request;
  const call = signal ? { signal } : {};
  const work = join(cacheDir, parseTenantId(tenantId));
  mkdirSync(cacheDir, { recursive: true });

  const { history } = await loadCatalog(store, tenantId, call);
  const newest = history.snapshots.at(-1);
  const { base, passedOver } = await openBase(request, work, history);
  const limit = nextStop(history, base);
  const path = pathFrom(history, base, limit);
  if (path.end.kind === 'broken') {
    const { damage, fault } = path.end;
    throw new EntError(damage?.code ?? 'ARCHIVE_BROKEN', damage?.reason ?? fault.message, {
      tenantId,
      hint: 'run: entdb verify',
    });
  }
  const since = path.reached.sequence - (newest?.sequence ?? 0);
  const isDue = limit.kind !== 'latest' || since >= recordsMin;
  if (path.reached.sequence === 0 || !isDue || isTaken(history, path.reached))
    return { kind: 'current', at: path.reached };

  const expected = new Map([
    ...history.snapshots.map(({ sequence, digests }) => [sequence, digests] as const),
    ...published,
  ]);
  const onPassedOver = (damage: Damage): void => {
    if (!passedOver.some(({ object }) => object === damage.object)) passedOver.push(damage);
  };
  const sources = { store, tenantId, ...call };
  const { facts, earlier } = await asMismatch(tenantId, work, async () => {
    const seen = compareKept(work, tenantId, base, published);
    const copy = openWorkingCopy({
      dir: work,
      tenantId,
      fetchState: async (restored, dir) =>
        (await restoreNamedState(restored, dir, sources)).forEach(onPassedOver),
    });
    try {
      const { writer } = copy;
      // Published digests of the position itself, which no replay leads to any more.
      const there = expected.get(writer.position.sequence);
      if (there) assertDigests(tenantId, pointAt(writer.position), there, writer.digests());
      await replaySegments(store, path.segments, copy, { limit, expected, ...call });
    } finally {
      copy.close();
    }
    return { facts: tenantFacts(work, tenantId), earlier: seen };
  });
  const onTheWay = [...published.keys()].filter(
    (sequence) => sequence >= base.sequence && sequence <= facts.position.sequence,
  );
  const confirmed = [...earlier, ...onTheWay].toSorted((a, b) => a - b);
  const manifest = await upload(request, work, facts, witnessOf(confirmed, published));
  return { kind: 'made', id: idOf(manifest), manifest, confirmed, passedOver };
}

/** What was published of records that the working copy has behind it is compared with what it kept of them. Gives those that agree. */
function compareKept(
  work: string,
  tenantId: string,
  base: Point,
  published: ReadonlyMap<number, PublishedDigests>,
): readonly number[] {
  const before = [...published.keys()].filter((sequence) => sequence < base.sequence);
  const kept = keptDigests(work, tenantId, before);
  for (const [sequence, { offset, canonical }] of kept) {
    const said = published.get(sequence)?.canonical ?? canonical;
    const own = { canonical, mailbox: '' };
    assertDigests(tenantId, { sequence, offset, timeMs: 0 }, { ...own, canonical: said }, own);
  }
  return [...kept.keys()];
}

/** For the manifest: the last record that was compared, and who spoke of it. */
function witnessOf(
  confirmed: readonly number[],
  published: ReadonlyMap<number, PublishedDigests>,
): SnapshotManifest['confirmed'] {
  const sequence = confirmed.at(-1);
  const instances = sequence === undefined ? [] : (published.get(sequence)?.instances ?? []);
  if (sequence === undefined || instances.length === 0) return undefined;
  const sorted = [...new Set(instances)].toSorted().slice(0, confirmedInstancesMax);
  return { sequence, instances: sorted };
}

/**
 * Everything that is archived; but first, right after an erasure, a snapshot of what is left: from there on nothing below it is needed, and retention can remove
 * what was erased at once (docs/decisions/0013-erasure.md).
 */
function nextStop(history: History, base: Point): Limit {
  const erased = history.erasures.at(-1);
  const end = history.segments.at(-1)?.lastSequence ?? 0;
  const isAhead = erased && erased.at.sequence > base.sequence && erased.at.sequence <= end;
  const isThere = history.snapshots.some(({ sequence }) => sequence === erased?.at.sequence);
  if (!isAhead || erased.damage || isThere || isTaken(history, erased.at))
    return { kind: 'latest' };
  return { kind: 'sequence', sequence: erased.at.sequence };
}

/** Two records of one millisecond would give their snapshots one name: the first stands. */
function isTaken({ snapshots }: History, { sequence, timeMs }: Point): boolean {
  return snapshots.some(
    (snapshot) => snapshot.logTimeUs === timeMs * 1000 && snapshot.sequence !== sequence,
  );
}

/** A disagreement is told by its own name. The working copy goes: it may have passed the place, and would not be compared there again. */
async function asMismatch<T>(tenantId: string, work: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    if (!isEntError(cause, 'RESTORE_DIGEST_MISMATCH')) throw cause;
    rmSync(work, { recursive: true, force: true });
    throw new EntError('SNAPSHOT_DIGEST_MISMATCH', cause.message, {
      tenantId,
      cause,
      ...(cause.facts.metadata && { metadata: cause.facts.metadata }),
      hint: 'the archive leads to another content than the appliers or an earlier snapshot have; no snapshot was made; run: entdb verify --level restore',
    });
  }
}

/** Brings files into the working folder that stand on the tenant's history, the furthest that there are. */
async function openBase(
  { store, tenantId, signal, passBy = Infinity }: SnapshotRequest,
  work: string,
  { segments, snapshots: all }: History,
): Promise<{ readonly base: Point; readonly passedOver: Damage[] }> {
  settleFolder(work);
  const passedOver: Damage[] = [];
  const found = cachedPoint(work, tenantId);
  const cached = found && found.sequence < passBy ? found : undefined;
  const snapshots = all.filter(({ sequence }) => sequence < passBy);
  // Further than everything that is archived: a copy of another bucket's history.
  const end = Math.max(segments.at(-1)?.lastSequence ?? 0, all.at(-1)?.sequence ?? 0);
  if (cached && cached.sequence <= end) return { base: cached, passedOver };
  rmSync(work, { recursive: true, force: true });
  const incoming = `${work}.incoming`;
  for (const manifest of snapshots.toReversed()) {
    try {
      rmSync(incoming, { recursive: true, force: true });
      mkdirSync(incoming);
      // Looked through below, as every working copy is.
      await fetchSnapshot(store, manifest, incoming, { check: 'bytes', ...(signal && { signal }) });
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
  confirmed: SnapshotManifest['confirmed'],
): Promise<SnapshotManifest> {
  const scratch = mkdtempSync(join(cacheDir, '.draft-'));
  try {
    const dir = join(scratch, 'copy');
    const copy = exportTenant({ dir: work, tenantId, target: dir });
    assertDigests(tenantId, pointAt(copy.position), facts.digests, copy.digests);
    // SQLite writes into a vacuumed file when it is first opened for writing: better now, so that a restored file is the stored one, byte for byte.
    openTenantWriter({ dir, tenantId, create: false }).close();
    const place = snapshotPlace(tenantId, snapshotId(facts.position.logTimeUs / 1000));
    return await uploadState(
      { store, place, dir, facts, scratch, ...(confirmed && { confirmed }) },
      signal ? { signal } : {},
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
