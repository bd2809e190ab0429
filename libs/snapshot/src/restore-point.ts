import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseManifest, restorePointPrefix, snapshotFiles } from '@entdb/archive-format';
import type { ObjectStore } from '@entdb/object-store';
import { tenantFacts, type TenantFacts } from '@entdb/tenant-store';
import { isDamage } from './damage.ts';
import { fetchState } from './fetch-snapshot.ts';
import { assertDigests, pointAt } from './replay.ts';
import type { RestoreReport } from './report.ts';
import { restoreTenant, type RestoreRequest } from './restore.ts';
import { restorePointUsableMs } from './restore-point-listing.ts';
import { restorePointPlace, type StatePlace } from './state-place.ts';
import { uploadState } from './upload-state.ts';

export interface RestorePointRequest extends Omit<
  RestoreRequest,
  'outputDir' | 'force' | 'inOwnVolume' | 'delta'
> {
  /** Where there is room for the tenant's files, twice; everything in it is removed again. */
  readonly workDir: string;
}

/** A state that a tenant can be restored to in place: what the record TenantRestored says of it. */
export interface RestorePoint {
  /** Of the record whose state it is, with the epoch that it was in. */
  readonly position: Pick<TenantFacts['position'], 'topic' | 'partition' | 'offset' | 'epoch'>;
  readonly sequence: number;
  readonly canonicalDigest: string;
  readonly mailboxDigest: string;
  /** With a `/` at its end. */
  readonly objectPrefix: string;
  readonly manifestSha256: string;
  /** The record must be appended before: later, retention may take the objects for those of a restore that never was. */
  readonly appendBeforeMs: number;
  /** How the state was made, and the proof of it. */
  readonly report: RestoreReport;
}

/**
 * Makes the state that the target comes to, checks it, and puts it into the store for a restore in place: below `restores/<tenant>/<sequence>/`, manifest last, read back
 * and opened. What stands there already is used if it is sound, and put there anew if it is damaged or too old to be named. Nothing is appended to the log: that is the
 * caller's, with what this returns.
 */
export async function makeRestorePoint(request: RestorePointRequest): Promise<RestorePoint> {
  const { store, tenantId, workDir, clock, signal } = request;
  const call = signal ? { signal } : {};
  mkdirSync(workDir, { recursive: true });
  const scratch = mkdtempSync(join(workDir, '.restore-point-'));
  try {
    const report = await restoreTenant({ ...request, outputDir: scratch });
    const dir = join(scratch, tenantId);
    const facts = tenantFacts(dir, tenantId);
    const { topic, partition, offset, epoch, sequence } = facts.position;
    const place = restorePointPlace(tenantId, sequence);
    const isFresh = (modifiedMs: number) => modifiedMs + restorePointUsableMs > clock.now();
    if (!(await standsThere(store, place, facts, { scratch, isFresh, ...call })))
      await uploadState({ store, place, dir, facts, scratch }, call);
    const bytes = await store.read(place.manifestKey, call);
    const { modifiedMs } = (await store.stat(place.manifestKey, call))!;
    return {
      position: { topic, partition, offset, epoch },
      sequence,
      canonicalDigest: facts.digests.canonical,
      mailboxDigest: facts.digests.mailbox,
      objectPrefix: restorePointPrefix(tenantId, sequence),
      manifestSha256: createHash('sha256').update(bytes).digest('hex'),
      appendBeforeMs: modifiedMs + restorePointUsableMs,
      report,
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Whether a finished restore point of this very state is there. One that cannot be used any more is removed, manifest first. */
async function standsThere(
  store: ObjectStore,
  place: StatePlace,
  facts: TenantFacts,
  options: {
    readonly scratch: string;
    readonly isFresh: (modifiedMs: number) => boolean;
    readonly signal?: AbortSignal;
  },
): Promise<boolean> {
  const call = options.signal ? { signal: options.signal } : {};
  const found = await store.stat(place.manifestKey, call);
  if (!found) return false;
  const back = join(options.scratch, 'there');
  mkdirSync(back);
  try {
    const bytes = await store.read(place.manifestKey, call);
    const manifest = parseManifest(bytes, place.manifestKey);
    await fetchState(store, manifest, place, back, { check: 'structure', ...call });
    assertDigests(manifest.tenantId, pointAt(facts.position), manifest.digests, facts.digests);
    if (options.isFresh(found.modifiedMs)) return true;
  } catch (error) {
    if (!isDamage(error)) throw error;
  } finally {
    rmSync(back, { recursive: true, force: true });
  }
  await store.remove([place.manifestKey, ...snapshotFiles.map(place.keyOf)], call);
  return false;
}
