/** Method: two replicas on one log in memory, real files, a directory of objects. Restores in place come on the log while both run. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EntError, realClock, realRng } from '@entdb/base';
import { decodeResultRecord } from '@entdb/contracts';
import { createDirectoryStore, type ObjectStore } from '@entdb/object-store';
import { makeRestorePoint } from '@entdb/snapshot';
import { tenantDir, tenantFacts, type TenantFacts } from '@entdb/tenant-store';
import { createMemoryWal, type MemoryWal } from '@entdb/wal';
import { createTestArchive, type TestArchive } from '../testing/archive.ts';
import { recordOf } from '../testing/records.ts';
import { restoreRecordOf } from '../testing/restore-record.ts';
import {
  createVolume,
  eventually,
  partition,
  type TestVolume,
  type TestVolumeOptions,
} from '../testing/volume.ts';

let folder: string;
let wal: MemoryWal;
let store: ObjectStore;
let archive: TestArchive;
const open: TestVolume[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'entdb-adopt-'));
  const directory = join(folder, 'objects');
  mkdirSync(directory);
  wal = createMemoryWal();
  store = createDirectoryStore({ directory, clock: realClock, rng: realRng });
  archive = createTestArchive({ wal, store, cacheDir: folder });
});
afterEach(async () => {
  for (const volume of open.splice(0)) await volume.halt();
  await Promise.all([wal.close(), store.close()]);
  rmSync(folder, { recursive: true, force: true });
});

async function volumeAt(name: string, options: TestVolumeOptions = {}): Promise<TestVolume> {
  const volume = await createVolume(
    { objects: join(folder, 'objects'), dir: join(folder, name), ...options },
    wal,
  );
  open.push(volume);
  volume.run();
  return volume;
}

async function halt(volume: TestVolume): Promise<void> {
  open.splice(open.indexOf(volume), 1);
  await volume.halt();
}

/** All that is on the log is in the tenant's files. */
async function settled(volume: TestVolume, tenantId = 'acme'): Promise<void> {
  await volume.applied();
  for (;;) {
    const state = volume.tenants.state(tenantId);
    if (state.kind === 'quarantined') throw new Error(`${state.code}: ${state.reason}`);
    if (state.kind === 'active') return;
    await volume.tenants.changed(tenantId, AbortSignal.timeout(20_000));
  }
}

async function factsOf(volume: TestVolume, tenantId = 'acme'): Promise<TenantFacts> {
  await settled(volume, tenantId);
  // Its writer has the files open, and committed what is on the log.
  return tenantFacts(tenantDir(volume.dir, tenantId), tenantId);
}

const nodesOf = (volume: TestVolume) =>
  volume.read('acme', (reader) => {
    const { nodeCount, state } = reader.getTenant({ $typeName: 'entdb.v1.GetTenantRequest' });
    return { nodeCount, state };
  });

describe('a restore in place', () => {
  it('gives every replica the same state in a new epoch, is undone by another, and stays after a restart', async () => {
    const [one, two] = [await volumeAt('one'), await volumeAt('two')];
    await one.append([0, 1, 2].map((n) => recordOf('acme', n)));
    const early = await factsOf(one);
    await one.append([3, 4].map((n) => recordOf('acme', n)));
    await one.append([recordOf('other', 0)]);
    const late = await factsOf(one);
    await archive.archive(partition);

    await one.append([
      restoreRecordOf(early, 0, { expectedEpoch: 1, results: 3 }),
      recordOf('acme', 9),
    ]);
    const restored = await factsOf(one);
    expect(restored.position).toMatchObject({ offset: 7, epoch: 2, sequence: 7 });
    expect(nodesOf(one)).toMatchObject({ nodeCount: 4n });
    expect(await factsOf(two)).toEqual(restored);
    // Its verdict is told by both, once, and says where it stands.
    for (const { told } of [one, two]) {
      expect(told).toHaveLength(1);
      const { verdict, askedAt } = decodeResultRecord('acme', told[0]!.value);
      expect(askedAt?.offset).toBe(6n);
      expect(verdict).toMatchObject({ case: 'resultJson' });
    }

    await one.append([restoreRecordOf(late, 1, { expectedEpoch: 2 })]);
    expect(await factsOf(one)).toMatchObject({ position: { offset: 8, epoch: 3 } });
    expect(nodesOf(one)).toMatchObject({ nodeCount: 5n });
    const undone = await factsOf(two);
    expect(await factsOf(one)).toEqual(undone);

    await halt(two);
    const again = await volumeAt('two');
    await again.append([recordOf('acme', 10)]);
    expect((await factsOf(again)).position).toMatchObject({ offset: 9, epoch: 3, sequence: 9 });
    expect(await factsOf(again)).toEqual(await factsOf(one));
    expect(readdirSync(join(one.dir, 'adopting'))).toEqual([]);
  });

  it('from the objects that it names, or, where they are damaged, from the history', async () => {
    const one = await volumeAt('one');
    await one.append([0, 1, 2].map((n) => recordOf('acme', n)));
    const early = await factsOf(one);
    await one.append([3, 4].map((n) => recordOf('acme', n)));
    await settled(one);
    await archive.archive(partition);
    const point = await makeRestorePoint({
      store,
      clock: realClock,
      rng: realRng,
      tenantId: 'acme',
      target: { kind: 'sequence', sequence: 3, inclusive: true },
      workDir: join(folder, 'work'),
    });
    const { manifestSha256 } = point;
    // Without the archive the objects alone must do.
    rmSync(join(folder, 'objects', 'archive'), { recursive: true });
    await one.append([restoreRecordOf(early, 0, { expectedEpoch: 1, manifestSha256 })]);
    const expected = await factsOf(one);
    expect(expected.position.epoch).toBe(2);

    rmSync(join(folder, 'objects'), { recursive: true });
    mkdirSync(join(folder, 'objects'));
    const again = createTestArchive({ wal, store, cacheDir: folder });
    await again.archive(partition);
    const two = await volumeAt('two');
    expect(await factsOf(two)).toEqual(expected);
  });

  it('waits for the archive, serves others meanwhile, and is stopped by nothing but its own record', async () => {
    const one = await volumeAt('one');
    await one.append([0, 1, 2].map((n) => recordOf('acme', n)));
    const early = await factsOf(one);
    await one.append([restoreRecordOf(early, 0, { expectedEpoch: 1 }), recordOf('other', 0)]);
    await settled(one, 'other');
    expect(one.tenants.state('acme')).toMatchObject({
      kind: 'behind',
      fromOffset: 3,
      needs: { kind: 'adoption' },
    });
    await eventually(() => one.heals.includes('failed'));
    expect(one.applier.storeTrouble()).toBeUndefined();
    await one.append([recordOf('acme', 3)]);
    await archive.archive(partition);
    expect((await factsOf(one)).position).toMatchObject({ offset: 5, epoch: 2 });
  });

  it('that is rejected changes nothing and stops nobody', async () => {
    const one = await volumeAt('one');
    await one.append([0, 1].map((n) => recordOf('acme', n)));
    const early = await factsOf(one);
    await one.append([recordOf('acme', 2), restoreRecordOf(early, 0, { expectedEpoch: 7 })]);
    expect((await factsOf(one)).position).toMatchObject({ offset: 3, epoch: 1 });
    expect(nodesOf(one)).toMatchObject({ nodeCount: 3n });
    expect(one.heals).toEqual([]);
  });

  it('whose state is another than the one it names stops its tenant, by name, on every replica', async () => {
    const one = await volumeAt('one');
    await one.append([0, 1, 2].map((n) => recordOf('acme', n)));
    const early = await factsOf(one);
    await archive.archive(partition);
    const wrong = { ...early, digests: { ...early.digests, canonical: 'ab'.repeat(32) } };
    await one.append([restoreRecordOf(wrong, 0, { expectedEpoch: 1 }), recordOf('other', 0)]);
    await settled(one, 'other');
    while (one.tenants.state('acme').kind !== 'quarantined')
      await one.tenants.changed('acme', AbortSignal.timeout(20_000));
    expect(one.tenants.state('acme')).toMatchObject({
      code: 'RESTORE_DIGEST_MISMATCH',
      fromOffset: 3,
    });
  });

  it('survives damage: of the files before it, and of the files after it', async () => {
    const one = await volumeAt('one');
    await one.append([0, 1, 2].map((n) => recordOf('acme', n)));
    const early = await factsOf(one);
    await one.append([recordOf('acme', 3)]);
    await settled(one);
    const path = join(tenantDir(one.dir, 'acme'), 'canonical.db');
    await one.append([restoreRecordOf(early, 0, { expectedEpoch: 1 })]);
    await eventually(() => one.heals.includes('failed')); // its files are closed by now
    const bytes = readFileSync(path);
    bytes.fill(0xff, 0, 200);
    writeFileSync(path, bytes);
    await archive.archive(partition);
    const expected = await factsOf(one);
    expect(expected.position).toMatchObject({ offset: 4, epoch: 2 });
    await one.applier.distrust('acme', new EntError('STORE_CORRUPT', 'planned'));
    expect(await factsOf(one)).toEqual(expected);
  });
});
