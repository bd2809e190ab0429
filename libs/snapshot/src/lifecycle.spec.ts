/** Snapshots and retention, on one archive that grows: what is made, what is refused, and that nothing is removed which a restore needs. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { SegmentChecksum } from '@entdb/archive-format';
import { loadCatalog } from './catalog.ts';
import { keepSnapshot, releaseSnapshot } from './keep.ts';
import { takeLease } from './lease.ts';
import { restoreTenant } from './restore.ts';
import { applyRetention, type RetentionOutcome } from './retention.ts';
import { makeSnapshot } from './snapshot.ts';
import { randomLog, tenantId, type RawRecord } from './testing/records.ts';
import { testStore, type TestStore } from './testing/test-store.ts';
import { allObjects, archive, rng, scratchFolder, testClock, truthOf } from './testing/world.ts';
import { verifyTenant } from './verify.ts';

const dayMs = 86_400_000;
/** One record every six hours: 200 records are fifty days. */
const log: readonly RawRecord[] = randomLog(200, 21).map((record, n) => ({
  ...record,
  timeMs: 1_790_000_000_000 + n * (dayMs / 4),
}));
const truth = truthOf(log);
const clock = testClock(truth.points[200]!.timeMs + dayMs);
const folder = scratchFolder();
afterAll(() => folder.remove());

let cache: string;
let store: TestStore;
let last: SegmentChecksum | undefined;
let archived = 0;
let runs = 0;
beforeEach(() => {
  cache = join(folder.path, `cache-${runs++}`);
  store = testStore();
  last = undefined;
  archived = 0;
});

async function archiveTo(n: number): Promise<void> {
  last = (await archive(store, log.slice(archived, n), () => 10, last)).at(-1);
  archived = n;
}
const snapshot = (more: Partial<Parameters<typeof makeSnapshot>[0]> = {}) =>
  makeSnapshot({ store, tenantId, cacheDir: cache, ...more });

async function restoresTo(sequence: number): Promise<void> {
  const outputDir = join(folder.path, `out-${runs++}`);
  const target = { kind: 'sequence', sequence, inclusive: true } as const;
  const { digests } = await restoreTenant({ store, clock, rng, tenantId, target, outputDir });
  expect(digests).toEqual(truth.digests[sequence]);
}

describe('a snapshot', () => {
  it('is made of the archive alone, with the content that the live system had', async () => {
    await archiveTo(30);
    const made = await snapshot();
    expect(made).toMatchObject({
      kind: 'made',
      manifest: { sequence: 30, digests: truth.digests[30] },
    });
    expect(await snapshot()).toEqual({ kind: 'current', at: truth.points[30] });
    await archiveTo(40);
    expect(await snapshot({ recordsMin: 11 })).toMatchObject({ kind: 'current' });
    rmSync(cache, { recursive: true, force: true });
    expect(await snapshot()).toMatchObject({
      kind: 'made',
      manifest: { sequence: 40, digests: truth.digests[40] },
    });
    expect(readdirSync(cache)).toEqual([tenantId]);
    expect(await verifyTenant({ store, clock, rng, tenantId, level: 'restore' })).toMatchObject({
      ok: true,
      notes: [],
    });
  });

  it('is not made where the appliers published another digest', async () => {
    await archiveTo(30);
    const wrong = { canonical: 'a'.repeat(64), mailbox: '' };
    for (const at of [30, 17])
      await expect(snapshot({ published: new Map([[at, wrong]]) })).rejects.toMatchObject({
        code: 'SNAPSHOT_DIGEST_MISMATCH',
      });
    expect((await allObjects(store)).filter((key) => key.startsWith('snapshots/'))).toEqual([]);
    rmSync(cache, { recursive: true, force: true });
    const published = new Map([17, 30].map((n) => [n, truth.digests[n]!]));
    expect(await snapshot({ published })).toMatchObject({ kind: 'made', confirmed: [17, 30] });
  });

  it('is not made of an archive that is not whole', async () => {
    await archiveTo(30);
    const second = (await allObjects(store)).find((key) =>
      key.includes('_00000000000000000011.jsonl'),
    )!;
    await store.tamper(second, (bytes) => bytes.map((byte, i) => (i === 40 ? byte ^ 1 : byte)));
    await expect(snapshot()).rejects.toMatchObject({ code: 'SEGMENT_CORRUPT' });
    await store.tamper(second, () => undefined);
    await expect(snapshot()).rejects.toMatchObject({ code: 'SEGMENT_CORRUPT' });
  });

  it('takes the place of files that were left without a manifest, and begins at an earlier one where the newest is damaged', async () => {
    await archiveTo(20);
    await snapshot();
    await archiveTo(30);
    const made = await snapshot();
    if (made.kind !== 'made') throw new Error('no snapshot');
    const prefix = `snapshots/${tenantId}/${made.id}/`;
    await store.remove([`${prefix}manifest.json`]);
    await store.tamper(`${prefix}mailbox.db`, (bytes) => bytes.subarray(1));
    expect((await loadCatalog(store, tenantId)).incomplete).toEqual([made.id]);
    expect(await snapshot()).toMatchObject({ kind: 'made', id: made.id });
    await store.tamper(`${prefix}canonical.db`, (bytes) =>
      bytes.map((byte, i) => (i === 5000 ? byte ^ 1 : byte)),
    );
    rmSync(cache, { recursive: true, force: true });
    await archiveTo(40);
    expect(await snapshot()).toMatchObject({
      kind: 'made',
      passedOver: [{ object: made.id, code: 'SNAPSHOT_CORRUPT' }],
    });
    await restoresTo(40);
  });

  it('is not there when what was uploaded cannot be read back', async () => {
    await archiveTo(20);
    const lossy = store.another({
      faults: ({ name, key }) =>
        name === 'open' && key.endsWith('canonical.db')
          ? { kind: 'flipped', byte: 4096 }
          : undefined,
    });
    await expect(snapshot({ store: lossy })).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
    expect((await allObjects(store)).filter((key) => key.endsWith('manifest.json'))).toEqual([]);
  });
});

describe('retention', () => {
  const retain = (more: object = {}): Promise<RetentionOutcome> =>
    applyRetention({ store, clock, rng, tenantId, retentionDays: 20, ...more });
  const names = async (prefix: string) =>
    (await allObjects(store)).filter((key) => key.startsWith(prefix));

  /** Snapshots after 40, 80, 120 and 160; 120 is the newest one older than twenty days. */
  beforeEach(async () => {
    for (const to of [40, 80, 120, 160]) {
      await archiveTo(to);
      await snapshot();
    }
    await archiveTo(200);
  });

  it('keeps every time within its days restorable, and removes what lies below', async () => {
    const before = await allObjects(store);
    const planned = await retain({ dryRun: true });
    expect(planned).toMatchObject({ kind: 'planned', plan: { held: null, kept: [] } });
    expect(await allObjects(store)).toEqual(before);
    const removed = await retain();
    if (removed.kind !== 'removed' || planned.kind !== 'planned')
      throw new Error('nothing was removed');
    expect(removed.plan).toEqual(planned.plan);
    expect(removed.plan.snapshots).toHaveLength(2);
    expect(removed.plan.segments).toHaveLength(12);
    expect(before.filter((key) => !removed.plan.objects.includes(key))).toEqual(
      await allObjects(store),
    );
    for (const n of [120, 121, 155, 200]) await restoresTo(n);
    await expect(restoresTo(119)).rejects.toMatchObject({ code: 'TARGET_BEFORE_FIRST' });
    expect(await verifyTenant({ store, clock, rng, tenantId, level: 'restore' })).toMatchObject({
      ok: true,
    });
    expect(await retain()).toMatchObject({ kind: 'removed', plan: { objects: [] } });
    const { history } = await loadCatalog(store, tenantId);
    expect(history.snapshots.map(({ sequence }) => sequence)).toEqual([120, 160]);
  });

  it('goes on after a crash at any object', async () => {
    const planned = await retain({ dryRun: true });
    if (planned.kind !== 'planned') throw new Error('no plan');
    const { objects } = planned.plan;
    const whole = new Map<string, Uint8Array>();
    for (const key of await allObjects(store)) whole.set(key, await store.read(key));
    for (let done = 1; done < objects.length; done += 3) {
      store = testStore();
      for (const [key, bytes] of whole)
        if (!objects.slice(0, done).includes(key)) await store.create(key, bytes);
      await restoresTo(160);
      expect(await retain()).toMatchObject({ kind: 'removed', plan: { held: null } });
      expect(await allObjects(store)).toEqual(
        [...whole.keys()].filter((key) => !objects.includes(key)),
      );
    }
  });

  it('leaves protected snapshots, until they are released', async () => {
    const [first] = (await loadCatalog(store, tenantId)).history.snapshots;
    const id = `snap_${new Date(first!.logTimeUs / 1000).toISOString()}`;
    await keepSnapshot(store, tenantId, id, "the year's books");
    expect(await retain()).toMatchObject({ plan: { kept: [id] } });
    await restoresTo(40);
    await expect(restoresTo(41)).rejects.toMatchObject({ code: 'TARGET_IN_GAP' });
    await restoresTo(150);
    await releaseSnapshot(store, tenantId, id);
    expect(await retain()).toMatchObject({ plan: { snapshots: [id] } });
    await expect(restoresTo(40)).rejects.toMatchObject({ code: 'TARGET_BEFORE_FIRST' });
  });

  it('does nothing while a restore runs, and a restore waits for it', async () => {
    const lease = (await takeLease({ store, clock, rng, tenantId, purpose: 'restore' }))!;
    expect(await retain()).toEqual({ kind: 'busy' });
    expect(await names('leases/')).toHaveLength(1);
    await lease.release();
    expect(await names('leases/')).toEqual([]);
    const killed = await takeLease({ store, clock, rng, tenantId, purpose: 'restore' });
    const now = clock.now();
    clock.set(now + 3_600_000);
    expect(await retain()).toMatchObject({ kind: 'removed' });
    clock.set(now);
    await killed!.release();
  });

  it('removes nothing below a base that cannot be restored, or when the chain above it is broken', async () => {
    const before = await allObjects(store);
    const base = before.filter((key) => key.endsWith('canonical.db')).at(-2)!;
    await store.tamper(base, (bytes) => bytes.map((byte, i) => (i === 9000 ? byte ^ 1 : byte)));
    await expect(retain()).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' });
    expect(await allObjects(store)).toEqual(before);
    await store.tamper(
      before.find((key) => key.includes('_00000000000000000151.jsonl'))!,
      () => undefined,
    );
    expect(await retain()).toMatchObject({
      kind: 'removed',
      plan: { objects: [], held: expect.stringContaining('not whole') },
    });
  });

  it('never removes the last segment, in which the archiver finds where to go on', async () => {
    await snapshot();
    clock.set(clock.now() + 400 * dayMs);
    await retain();
    expect(await names('archive/')).toHaveLength(2);
    await restoresTo(200);
    clock.set(clock.now() - 400 * dayMs);
  });
});

it('leaves nothing in the cache but the working copies', () => {
  for (const name of readdirSync(folder.path).filter((entry) => entry.startsWith('cache-')))
    if (existsSync(join(folder.path, name)))
      expect(readdirSync(join(folder.path, name)).filter((entry) => entry !== tenantId)).toEqual(
        [],
      );
});
