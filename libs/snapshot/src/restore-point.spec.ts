/** Restore points: what a restore in place names. Made once, used as they stand while they are sound, kept as long as they may be needed; and what an erasure lets go. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  parseManifest,
  restorePointFileName,
  restorePointManifestName,
} from '@entdb/archive-format';
import { createMemoryStore, type MemoryStore } from '@entdb/object-store';
import { loadCatalog } from './catalog.ts';
import { keepSnapshot } from './keep.ts';
import { makeRestorePoint, type RestorePointRequest } from './restore-point.ts';
import { restorePointUsableMs } from './restore-point-listing.ts';
import { restoreTenant } from './restore.ts';
import { applyRetention } from './retention.ts';
import { makeSnapshot } from './snapshot.ts';
import { creation, deletion, randomLog, tenantId, withRecords } from './testing/records.ts';
import { allObjects, archive, rng, scratchFolder, testClock, truthOf } from './testing/world.ts';
import { verifyTenant } from './verify.ts';

const dayMs = 86_400_000;
const log = randomLog(60, 4).map((record, n) => ({
  ...record,
  timeMs: 1_790_000_000_000 + n * dayMs,
}));
const truth = truthOf(log);
const clock = testClock();
const folder = scratchFolder();
afterAll(() => folder.remove());
let runs = 0;
const newDir = (): string => join(folder.path, `dir-${runs++}`);

let store: MemoryStore;
beforeEach(async () => {
  clock.set(truth.points[60]!.timeMs + 1000);
  store = createMemoryStore({ clock });
  await archive(store, log, () => 10);
});
const make = (sequence: number, more: Partial<RestorePointRequest> = {}) =>
  makeRestorePoint({
    store,
    clock,
    rng,
    tenantId,
    target: { kind: 'sequence', sequence, inclusive: true },
    workDir: join(folder.path, 'work'),
    ...more,
  });
const manifest = restorePointManifestName(tenantId, 25);
const files = ['canonical.db', 'mailbox.db'] as const;
const points = async () => (await allObjects(store)).filter((key) => key.startsWith('restores/'));

it('says what the record has to say', async () => {
  const { timeMs, offset } = truth.points[25]!;
  const point = await make(0, { target: { kind: 'time', timeMs, inclusive: true } });
  expect(point).toMatchObject({
    position: { topic: 'entdb-wal', partition: 3, offset, epoch: 1 },
    sequence: 25,
    canonicalDigest: truth.digests[25]!.canonical,
    mailboxDigest: truth.digests[25]!.mailbox,
    objectPrefix: `restores/${tenantId}/00000000000000000025/`,
    report: { complete: true, reached: truth.points[25] },
  });
  expect(await points()).toEqual([
    ...files.map((name) => restorePointFileName(tenantId, 25, name)),
    manifest,
  ]);
  expect(parseManifest(await store.read(manifest), manifest)).toMatchObject({ sequence: 25 });
  expect(readdirSync(join(folder.path, 'work'))).toEqual([]);
  expect((await allObjects(store)).filter((key) => key.startsWith('leases/'))).toEqual([]);
});

it('uses what stands there while it is sound and young, and puts it there anew where it is not', async () => {
  const first = await make(25);
  const bytes = await store.read(manifest);
  expect(await make(25)).toMatchObject({ manifestSha256: first.manifestSha256 });
  for (const key of await points()) {
    for (const harm of [
      (stored: Uint8Array) => stored.subarray(1),
      (stored: Uint8Array) => stored.map((byte, i) => (i === 60 ? byte ^ 1 : byte)),
      () => undefined,
    ]) {
      store.tamper(key, harm);
      await make(25);
      expect(await verifyTenant({ store, clock, rng, tenantId, level: 'restore' })).toMatchObject({
        ok: true,
        notes: [],
      });
    }
  }
  expect(bytes.byteLength).toBeGreaterThan(0);
  clock.set(clock.now() + restorePointUsableMs + 1);
  const { appendBeforeMs } = await make(25);
  expect(appendBeforeMs).toBe(clock.now() + restorePointUsableMs);
}, 60_000);

it('is not there when it cannot be read back, and leaves nothing behind when there is no way to the target', async () => {
  const lossy = store.another({
    faults: ({ name, key }) =>
      name === 'open' && key.startsWith('restores/') && key.endsWith('mailbox.db')
        ? { kind: 'flipped', byte: 4096 }
        : undefined,
  });
  await expect(make(25, { store: lossy })).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
  expect(await points()).not.toContain(manifest);
  const report = await verifyTenant({ store, clock, rng, tenantId, level: 'present' });
  expect(report).toMatchObject({ ok: true, notes: [expect.stringContaining('restore point 25')] });
  await expect(make(61)).rejects.toMatchObject({ code: 'TARGET_BEYOND_ARCHIVE' });
  expect(readdirSync(join(folder.path, 'work'))).toEqual([]);
  // What is left of it is used as it stands, or put there anew.
  await make(25);
  expect(await points()).toHaveLength(3);
});

it('does not take the place of another state of the same record', async () => {
  const other = createMemoryStore({ clock });
  await archive(
    other,
    withRecords(log, { 9: deletion('gone', false), 10: creation('again') }),
    () => 10,
  );
  const foreign = await make(25, { store: other });
  for (const key of (await allObjects(other)).filter((name) => name.startsWith('restores/')))
    await store.create(key, await other.read(key));
  await expect(make(25)).rejects.toMatchObject({ code: 'RESTORE_DIGEST_MISMATCH' });
  expect(await points()).toHaveLength(3);
  expect(foreign.canonicalDigest).not.toBe(truth.digests[25]!.canonical);
});

describe('retention', () => {
  const retain = () => applyRetention({ store, clock, rng, tenantId, retentionDays: 10 });

  /** Snapshots of records 20, 40 and 55; the second is the base. */
  beforeEach(async () => {
    store = createMemoryStore({ clock });
    let last;
    for (const [from, to] of [
      [0, 20],
      [20, 40],
      [40, 55],
    ]) {
      last = (await archive(store, log.slice(from, to), () => 5, last)).at(-1);
      await makeSnapshot({ store, tenantId, cacheDir: join(folder.path, `cache-${runs}`) });
    }
    await archive(store, log.slice(55), () => 5, last);
    clock.set(truth.points[52]!.timeMs);
    runs++;
  });

  it('keeps a restore point that a record above the base may name, and no other', async () => {
    const now = clock.now();
    clock.set(truth.points[38]!.timeMs);
    await make(15);
    clock.set(truth.points[39]!.timeMs + 1);
    await make(25);
    clock.set(now);
    expect(await retain()).toMatchObject({ kind: 'removed', plan: { restorePoints: [15] } });
    expect(await points()).toHaveLength(3);
    expect(await points()).toContain(manifest);
    expect((await loadCatalog(store, tenantId)).history.segments[0]!.firstSequence).toBe(41);
    clock.set(truth.points[60]!.timeMs + 10 * dayMs);
    expect(await retain()).toMatchObject({ kind: 'removed', plan: { restorePoints: [25] } });
    expect(await points()).toEqual([]);
  });

  it('removes what was never finished, and nothing while a needed one is damaged', async () => {
    const now = clock.now();
    await make(25);
    await make(30);
    await store.remove([manifest]);
    const damaged = restorePointFileName(tenantId, 30, 'canonical.db');
    store.tamper(damaged, (bytes) => bytes.subarray(1));
    clock.set(now + 3 * dayMs);
    expect(await retain()).toMatchObject({
      plan: {
        segments: [],
        restorePoints: [25],
        held: expect.stringContaining('restore point 30'),
      },
    });
    expect((await points()).filter((key) => key.includes('25/'))).toEqual([]);
    await make(30);
    expect(await retain()).toMatchObject({ plan: { held: null, restorePoints: [] } });
    expect((await loadCatalog(store, tenantId)).history.segments[0]!.firstSequence).toBe(41);
    expect(await points()).toHaveLength(3);
  });
});

describe('after an erasure', () => {
  const erasing = 33;
  const erased = withRecords(log, { [erasing]: deletion('erase', true), 34: creation('again') });
  const truthErased = truthOf(erased);

  it('nothing that was erased stays longer than the next snapshot, and everything after it can be restored', async () => {
    store = createMemoryStore({ clock });
    const cacheDir = newDir();
    let last = (await archive(store, erased.slice(0, 20), () => 10)).at(-1);
    const first = await makeSnapshot({ store, tenantId, cacheDir });
    if (first.kind !== 'made') throw new Error('no snapshot');
    await keepSnapshot(store, tenantId, first.id, 'not for ever');
    await make(15);
    // The archiver ends a segment at the erasure.
    last = (await archive(store, erased.slice(20, erasing), () => 7, last)).at(-1);
    await archive(store, erased.slice(erasing), () => 10, last);
    const retain = () => applyRetention({ store, clock, rng, tenantId, retentionDays: 90 });
    expect(await retain()).toMatchObject({ plan: { objects: [] } });

    const atErasure = await makeSnapshot({ store, tenantId, cacheDir, recordsMin: 1000 });
    expect(atErasure).toMatchObject({
      kind: 'made',
      manifest: { sequence: erasing, digests: truthErased.digests[erasing] },
    });
    expect(await makeSnapshot({ store, tenantId, cacheDir })).toMatchObject({
      kind: 'made',
      manifest: { sequence: 60, digests: truthErased.digests[60] },
    });
    expect(await retain()).toMatchObject({
      kind: 'removed',
      plan: { held: null, kept: [], snapshots: [first.id], restorePoints: [15] },
    });
    const left = await allObjects(store);
    expect(left.filter((key) => key.startsWith('restores/') || key.includes(first.id))).toEqual([
      `keeps/${tenantId}/${first.id}`,
    ]);
    const { history, windows } = await loadCatalog(store, tenantId);
    expect(history.segments[0]!.firstSequence).toBe(erasing + 1);
    expect(windows).toEqual([{ first: truthErased.points[erasing], last: truthErased.points[60] }]);
    for (const sequence of [erasing, 40, 60]) {
      const outputDir = newDir();
      const target = { kind: 'sequence', sequence, inclusive: true } as const;
      const report = await restoreTenant({ store, clock, rng, tenantId, target, outputDir });
      expect(report.digests).toEqual(truthErased.digests[sequence]);
    }
    expect(await verifyTenant({ store, clock, rng, tenantId, level: 'restore' })).toMatchObject({
      ok: true,
    });
    await expect(make(20)).rejects.toMatchObject({ code: 'TENANT_ERASED' });
    expect(
      existsSync(join(folder.path, 'work')) ? readdirSync(join(folder.path, 'work')) : [],
    ).toEqual([]);
  }, 60_000);
});
