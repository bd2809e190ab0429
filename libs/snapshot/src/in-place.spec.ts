/**
 * Method: a tenant that was restored in place three times: back within its first epoch, to a state of the second, and across both. The oracle applies the log from its beginning
 * for each of them. Whatever is replayed through these records must be what the oracle has, whether their objects are there, gone or damaged, and wherever it was cut off.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  restorePointFileName,
  restorePointManifestName,
  restorePointPrefix,
} from '@entdb/archive-format';
import { createMemoryWal } from '@entdb/wal';
import { makeRestorePoint } from './restore-point.ts';
import { restoreTenant, type RestoreRequest } from './restore.ts';
import { makeSnapshot } from './snapshot.ts';
import {
  deletion,
  place,
  randomLog,
  restoration,
  tenantId,
  withRecords,
  type RawRecord,
} from './testing/records.ts';
import { testStore, type TestStore } from './testing/test-store.ts';
import {
  archive,
  rng,
  rowsOf,
  scratchFolder,
  testClock,
  truthOf,
  withRestores,
} from './testing/world.ts';
import { verifyTenant } from './verify.ts';

const restores = { 21: 12, 33: 26, 41: 17 };
const log = withRestores(
  randomLog(50, 9).map((record, n) => ({ ...record, timeMs: 1_790_000_000_000 + n * 1000 })),
  restores,
);
const truth = truthOf(log);
const clock = testClock();
const folder = scratchFolder();
afterAll(() => folder.remove());
let runs = 0;
const newDir = (): string => join(folder.path, `dir-${runs++}`);

it('is a history of four epochs', () => {
  expect([20, 21, 33, 41, 50].map((n) => truth.epochs[n])).toEqual([1, 2, 3, 4, 4]);
});

const request = (
  store: TestStore,
  sequence: number,
  more: Partial<RestoreRequest> = {},
): RestoreRequest => ({
  store,
  clock,
  rng,
  tenantId,
  target: { kind: 'sequence', sequence, inclusive: true },
  outputDir: newDir(),
  ...more,
});

async function restoresTo(store: TestStore, n: number, more: Partial<RestoreRequest> = {}) {
  const asked = request(store, n, more);
  const report = await restoreTenant(asked);
  expect(report.digests).toEqual(truth.digests[n]);
  expect(report.epoch).toBe(truth.epochs[n]);
  expect(rowsOf(join(asked.outputDir, tenantId))).toBe(truth.rows[n]);
  expect(readdirSync(asked.outputDir)).toEqual([tenantId]);
  return report;
}

const manifests = [12, 26, 17].map((sequence) => restorePointManifestName(tenantId, sequence));

describe('where the objects are nowhere', () => {
  const store = testStore();
  beforeAll(async () => {
    await archive(store, log, () => 10);
  });

  it('is made again of the history', async () => {
    for (const n of [12, 20, 21, 22, 32, 33, 40, 41, 42, 50]) {
      const { passedOver } = await restoresTo(store, n);
      const met = manifests.filter((_, i) => Number(Object.keys(restores)[i]) <= n);
      expect(passedOver.map(({ object }) => object)).toEqual(met);
    }
  }, 120_000);

  it('leads a snapshotter through, and a verification', async () => {
    const cacheDir = newDir();
    const made = await makeSnapshot({ store, tenantId, cacheDir });
    expect(made).toMatchObject({
      kind: 'made',
      manifest: { sequence: 50, epoch: 4, digests: truth.digests[50] },
      passedOver: manifests.map((object) => ({ object, code: 'OBJECT_NOT_FOUND' })),
    });
    expect(readdirSync(cacheDir)).toEqual([tenantId]);
    const report = await verifyTenant({ store, clock, rng, tenantId, level: 'restore' });
    expect(report).toMatchObject({ ok: true, restored: { digests: truth.digests[50] } });
    await restoresTo(store, 50);
  });

  it('goes through on the log', async () => {
    const { wal, atHand, onLog } = await logOnWal();
    const some = testStore();
    await archive(some, onLog.slice(0, 14), () => 5);
    const truthThere = truthOf(onLog);
    for (const n of [20, 21, 30, 33, 41, 50]) {
      const asked = request(some, n, { log: atHand });
      await restoreTenant(asked);
      expect(rowsOf(join(asked.outputDir, tenantId))).toBe(truthThere.rows[n]);
    }
    await wal.close();
  });

  it('is passed on the way to a state beyond a later erasure', async () => {
    const erased = withRecords(log, { 45: deletion('erase', true) });
    const there = testStore();
    await archive(there, erased, () => 10);
    const asked = request(there, 45, { from: { kind: 'scratch' } });
    await restoreTenant(asked);
    expect(rowsOf(join(asked.outputDir, tenantId))).toBe(truthOf(erased.slice(0, 45)).rows[45]);
  });
});

async function logOnWal() {
  const wal = createMemoryWal({ clock });
  await wal.createTopics([
    {
      name: place.topic,
      partitions: 4,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      retentionMs: -1,
      maxMessageBytes: 1_000_000,
    },
  ]);
  const lane = await wal.openLane(place.topic, place.partition);
  const onLog: RawRecord[] = [];
  // The log gives offsets of its own, and the records name offsets: those of the oracle are dense here.
  const from = clock.now();
  const dense = withRestores(
    randomLog(50, 9).map((record, n) => ({ ...record, offset: n, timeMs: from + n })),
    restores,
  );
  for (const { key, value, timeMs } of dense) {
    clock.set(timeMs);
    const { baseOffset } = await lane.append([{ key: tenantId, value }]);
    onLog.push({ offset: baseOffset, timeMs: clock.now(), key, value });
  }
  await lane.close();
  clock.set(clock.now() + 1000);
  return { wal, onLog, atHand: { wal, ...place, archiverGroup: 'entdb-archiver' } };
}

describe('where the objects are there', () => {
  /** As it comes to be: archived to the record before, made, appended, and on. */
  const objects = new Map<string, Uint8Array>();
  let whole: readonly RawRecord[] = log;
  beforeAll(async () => {
    const store = testStore();
    let last;
    let from = 0;
    for (const [at, sequence] of Object.entries(restores)) {
      const before = Number(at) - 1;
      last = (await archive(store, whole.slice(from, before), () => 10, last)).at(-1);
      from = before;
      const { position, report, ...point } = await makeRestorePoint({
        store,
        clock,
        rng,
        tenantId,
        target: { kind: 'sequence', sequence, inclusive: true },
        workDir: newDir(),
      });
      expect(report.digests).toEqual(truth.digests[sequence]);
      const record = restoration(`restore-${at}`, {
        ...point,
        ...position,
        expectedEpoch: truth.epochs[before]!,
      });
      whole = withRecords(whole, { [at]: record });
    }
    await archive(store, whole.slice(from), () => 10, last);
    for await (const { key } of store.list({ prefix: '' })) objects.set(key, await store.read(key));
    expect([...objects.keys()].filter((key) => key.startsWith('restores/'))).toHaveLength(9);
  });

  async function copyOf(change: (store: TestStore) => Promise<void> = async () => undefined) {
    const store = testStore();
    for (const [key, bytes] of objects) await store.create(key, bytes);
    await change(store);
    return store;
  }

  it('takes them, and passes nothing over', async () => {
    const store = await copyOf();
    for (const n of [20, 21, 32, 33, 40, 41, 50])
      expect((await restoresTo(store, n)).passedOver).toEqual([]);
    const made = await makeSnapshot({ store, tenantId, cacheDir: newDir() });
    expect(made).toMatchObject({ kind: 'made', passedOver: [] });
    expect(await verifyTenant({ store, clock, rng, tenantId, level: 'restore' })).toMatchObject({
      ok: true,
    });
  });

  const harms: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array | undefined>> = {
    missing: () => undefined,
    'cut short': (bytes) => bytes.subarray(0, bytes.length - 1),
    flipped: (bytes) => bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 4 : byte)),
  };

  it.each(Object.keys(harms))('is led around an object that is %s', async (harm) => {
    for (const key of objects.keys()) {
      if (!key.startsWith(restorePointPrefix(tenantId, 12))) continue;
      const store = await copyOf((copy) => copy.tamper(key, harms[harm]!));
      const { passedOver } = await restoresTo(store, 25);
      const point = key.slice(0, key.lastIndexOf('/'));
      expect(passedOver.map(({ object }) => object)).toEqual([`${point}/manifest.json`]);
      const report = await verifyTenant({ store, clock, rng, tenantId, level: 'checksums' });
      expect([key, report.ok && report.notes.length === 0]).toEqual([key, false]);
    }
  });

  it('does not believe sound objects of another state', async () => {
    const file = (n: number) => restorePointFileName(tenantId, n, 'canonical.db');
    const other = objects.get(file(17))!;
    const store = await copyOf((copy) => copy.tamper(file(12), () => other));
    expect((await restoresTo(store, 25)).passedOver).toHaveLength(1);
    const manifest = objects.get(restorePointManifestName(tenantId, 17))!;
    const swapped = await copyOf((copy) =>
      copy.tamper(restorePointManifestName(tenantId, 12), () => manifest),
    );
    expect((await restoresTo(swapped, 25)).passedOver).toHaveLength(1);
  });

  it('goes on from wherever it was killed', async () => {
    const name = newDir();
    const images: string[] = [];
    const image = (what: string): string => {
      const path = `${name}-${images.length}-${what}`;
      cpSync(name, path, { recursive: true });
      images.push(path);
      return path;
    };
    let isWatched = true;
    const store = testStore({
      faults: ({ name: operation, key }) => {
        if (isWatched && operation === 'open' && key.startsWith('restores/')) {
          image('fetching');
          const work = join(`${name}/.restore-${tenantId}`, 'work');
          // What a kill between the two renames leaves.
          const torn = join(image('swapping'), `.restore-${tenantId}`);
          expect(existsSync(`${work}.restored`)).toBe(true);
          renameSync(join(torn, 'work'), join(torn, 'work.before'));
        }
        return undefined;
      },
    });
    for (const [key, bytes] of objects) await store.create(key, bytes);
    await restoresTo(store, 36, {
      outputDir: name,
      onProgress: ({ step, state }) => void image(`${step}-${state}`.replace(' ', '-')),
    });
    isWatched = false;
    expect(images.length).toBeGreaterThan(12);
    for (const outputDir of images) await restoresTo(store, 36, { outputDir });
    // A snapshotter's working copy in the same state.
    const cacheDir = newDir();
    await makeSnapshot({ store, tenantId, cacheDir });
    const work = join(cacheDir, tenantId);
    renameSync(work, `${work}.before`);
    mkdirSync(`${work}.restored`);
    const again = await makeSnapshot({ store, tenantId, cacheDir, recordsMin: 0 });
    expect(again).toMatchObject({ kind: 'made', manifest: { digests: truth.digests[50] } });
    expect(readdirSync(cacheDir)).toEqual([tenantId]);
    for (const path of images) rmSync(path, { recursive: true, force: true });
  }, 120_000);
});
