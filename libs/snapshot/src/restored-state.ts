import { createHash } from 'node:crypto';
import { parseManifest, parseObjectName, type SnapshotManifest } from '@entdb/archive-format';
import { EntError } from '@entdb/base';
import type { TenantRestored } from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';
import { mkdirSync, rmSync } from 'node:fs';
import { isDamage, type Damage } from './damage.ts';
import { fetchState } from './fetch-snapshot.ts';
import { restorePointPlace } from './state-place.ts';

export interface RestoredStateOptions {
  readonly store: ObjectStore;
  readonly tenantId: string;
  /** Makes the state after a record of the tenant's history in an empty folder. */
  readonly rebuild: (sequence: number, dir: string) => Promise<void>;
  readonly onPassedOver: (damage: Damage) => void;
  readonly signal?: AbortSignal;
}

const documentBytesMax = 1024 * 1024;

/**
 * Brings the state that a restore in place names into an empty folder. The objects that the record names are a shortcut, and used if they are just what it says; where
 * they are gone or damaged, the history leads to the same state.
 */
export async function fetchRestoredState(
  restored: TenantRestored,
  dir: string,
  { store, tenantId, rebuild, onPassedOver, signal }: RestoredStateOptions,
): Promise<void> {
  const call = signal ? { signal } : {};
  const name = `${restored.objectPrefix}manifest.json`;
  try {
    const manifest = await readNamed(store, tenantId, restored, call);
    await fetchState(store, manifest, restorePointPlace(tenantId, manifest.sequence), dir, {
      check: 'structure',
      ...call,
    });
  } catch (error) {
    if (!isDamage(error)) throw error;
    onPassedOver({ object: name, code: error.code, reason: error.message });
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir);
    await rebuild(Number(restored.sequence), dir);
  }
}

/** The manifest, if it is the very one that the record speaks of. */
async function readNamed(
  store: ObjectStore,
  tenantId: string,
  { objectPrefix, sequence, manifestSha256, canonicalDigest, mailboxDigest }: TenantRestored,
  call: { readonly signal?: AbortSignal },
): Promise<SnapshotManifest> {
  const name = `${objectPrefix}manifest.json`;
  const damaged = (what: string) =>
    new EntError('SNAPSHOT_CORRUPT', `${name}: ${what}`, { tenantId, metadata: { object: name } });
  const own = parseObjectName(name);
  const isOwn =
    own?.kind === 'restore-point-manifest' &&
    own.tenantId === tenantId &&
    own.sequence === Number(sequence);
  if (!isOwn) throw damaged(`it names no restore point of record ${sequence} of this tenant`);
  const bytes = await store.read(name, { bytesMax: documentBytesMax, ...call });
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== manifestSha256) throw damaged(`its SHA-256 is ${actual}, not ${manifestSha256}`);
  const manifest = parseManifest(bytes, name);
  const { canonical, mailbox } = manifest.digests;
  if (canonical !== canonicalDigest || mailbox !== mailboxDigest)
    throw damaged('its digests are not those of the record');
  return manifest;
}
