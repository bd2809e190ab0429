import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SnapshotManifest } from '@entdb/archive-format';
import type { ObjectStore } from '@entdb/object-store';
import { fetchState } from './fetch-snapshot.ts';
import { checkObject } from './files.ts';
import { finding, type Finding, type VerifyLevel } from './finding.ts';
import { listRestorePoints } from './restore-point-listing.ts';
import { restorePointPlace } from './state-place.ts';

/** A restore point that is damaged costs time and no data, as long as the history below it is there; but nobody should find out in a disaster. */
export async function verifyRestorePoints(
  store: ObjectStore,
  tenantId: string,
  level: VerifyLevel,
  call: { readonly signal?: AbortSignal },
): Promise<{ readonly findings: readonly Finding[]; readonly notes: readonly string[] }> {
  const { points, unknown } = await listRestorePoints(store, tenantId, call);
  const findings: Finding[] = unknown.map((object) => ({
    object,
    code: 'UNKNOWN_OBJECT',
    message: `${object} has a name that nothing of EntDB gives`,
  }));
  for (const { manifest, damage } of points) {
    if (damage) findings.push({ object: damage.object, code: damage.code, message: damage.reason });
    if (manifest && level === 'checksums')
      findings.push(...(await checkFiles(store, manifest, call)));
    if (manifest && level === 'restore') findings.push(...(await open(store, manifest, call)));
  }
  const unfinished = points.filter(({ manifest, damage }) => !manifest && !damage);
  const notes = unfinished.map(
    ({ sequence }) => `restore point ${sequence} was never finished and is not used`,
  );
  return { findings, notes };
}

type Call = { readonly signal?: AbortSignal };

async function checkFiles(
  store: ObjectStore,
  { tenantId, sequence, files }: SnapshotManifest,
  call: Call,
): Promise<readonly Finding[]> {
  const { keyOf } = restorePointPlace(tenantId, sequence);
  const found: Finding[] = [];
  for (const { name, bytes, sha256 } of files) {
    const key = keyOf(name);
    found.push(...(await finding(key, () => checkObject(store, { key, bytes, sha256 }, call))));
  }
  return found;
}

async function open(
  store: ObjectStore,
  manifest: SnapshotManifest,
  call: Call,
): Promise<readonly Finding[]> {
  const { tenantId, sequence } = manifest;
  const place = restorePointPlace(tenantId, sequence);
  const dir = mkdtempSync(join(tmpdir(), 'entdb-verify-'));
  try {
    const options = { check: 'structure', ...call } as const;
    return await finding(place.label, () => fetchState(store, manifest, place, dir, options));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
