import {
  parseManifest,
  parseObjectName,
  restorePointManifestName,
  restorePointsPrefix,
  type SnapshotManifest,
} from '@entdb/archive-format';
import { EntError } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { judged, type Damage } from './damage.ts';
import { mapBounded } from './map-bounded.ts';
import { restorePointPlace } from './state-place.ts';

/** What stands below `restores/<tenant>/<sequence>/`. */
export interface StoredRestorePoint {
  readonly sequence: number;
  /** Manifest first: the order of removal. */
  readonly objects: readonly string[];
  readonly bytes: number;
  /** Of the youngest object, by the store's clock. */
  readonly modifiedMs: number;
  /** Without it the point was never finished. */
  readonly manifest?: SnapshotManifest;
  readonly damage?: Damage;
}

export interface RestorePointListing {
  /** In ascending order. */
  readonly points: readonly StoredRestorePoint[];
  readonly unknown: readonly string[];
}

interface Entry {
  readonly size: number;
  readonly modifiedMs: number;
}

const hourMs = 60 * 60_000;
/** How long a record may name objects after they were written. Retention counts with twice as much. */
export const restorePointUsableMs = 12 * hourMs;

const readsInFlightMax = 16;
const documentBytesMax = 1024 * 1024;

/** A tenant's restore points: one listing, and a read for each of them. */
export async function listRestorePoints(
  store: ObjectStore,
  tenantId: string,
  call: { readonly signal?: AbortSignal } = {},
): Promise<RestorePointListing> {
  const unknown: string[] = [];
  const found = new Map<number, Map<string, Entry>>();
  for await (const entry of store.list({ prefix: restorePointsPrefix(tenantId), ...call })) {
    const name = parseObjectName(entry.key);
    if (name?.kind !== 'restore-point-file' && name?.kind !== 'restore-point-manifest') {
      unknown.push(entry.key);
      continue;
    }
    const objects = found.get(name.sequence) ?? new Map<string, Entry>();
    found.set(name.sequence, objects.set(entry.key, entry));
  }
  const inOrder = [...found].sort(([a], [b]) => a - b);
  const points = await mapBounded(inOrder, readsInFlightMax, async ([sequence, objects]) => {
    const key = restorePointManifestName(tenantId, sequence);
    const all = [...objects.values()];
    const read = objects.has(key)
      ? await judged(key, undefined, () => readManifest(store, tenantId, sequence, objects, call))
      : {};
    return {
      sequence,
      objects: [...objects.keys()].sort((a, b) => Number(b === key) - Number(a === key)),
      bytes: all.reduce((sum, { size }) => sum + size, 0),
      modifiedMs: Math.max(...all.map(({ modifiedMs }) => modifiedMs)),
      ...(read.value && { manifest: read.value }),
      ...(read.damage && { damage: read.damage }),
    };
  });
  return { points, unknown };
}

async function readManifest(
  store: ObjectStore,
  tenantId: string,
  sequence: number,
  objects: ReadonlyMap<string, { readonly size: number }>,
  call: { readonly signal?: AbortSignal },
): Promise<SnapshotManifest> {
  const { manifestKey, keyOf } = restorePointPlace(tenantId, sequence);
  const bytes = await store.read(manifestKey, { bytesMax: documentBytesMax, ...call });
  const manifest = parseManifest(bytes, manifestKey);
  for (const file of manifest.files) {
    const key = keyOf(file.name);
    const size = objects.get(key)?.size;
    if (size === file.bytes) continue;
    const what = size === undefined ? 'it is missing' : `${size} bytes, not ${file.bytes}`;
    throw new EntError('SNAPSHOT_CORRUPT', `${key}: ${what}`, {
      tenantId,
      metadata: { object: key },
    });
  }
  return manifest;
}
