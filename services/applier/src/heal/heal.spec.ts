/** Method: the loop on a log in memory, real files and a directory of objects. The log loses its head; what it had is archived, or is not. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EntError, realClock, realRng } from '@entdb/base';
import { createDirectoryStore, type ObjectStore } from '@entdb/object-store';
import { tenantDir, tenantFacts, type TenantFileState } from '@entdb/tenant-store';
import { archiverGroup, createMemoryWal, walTopic, type MemoryWal } from '@entdb/wal';
import { createTestArchive, type TestArchive } from '../testing/archive.ts';
import { recordOf } from '../testing/records.ts';
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
  folder = mkdtempSync(join(tmpdir(), 'entdb-heal-'));
  mkdirSync(join(folder, 'objects'));
  // A second between two records: a snapshot is named by the time of its last one.
  let now = Date.now() - 3_600_000;
  wal = createMemoryWal({ clock: { ...realClock, now: () => (now += 1_000) } });
  store = createDirectoryStore({
    directory: join(folder, 'objects'),
    clock: realClock,
    rng: realRng,
  });
  archive = createTestArchive({ wal, store, cacheDir: folder });
});
afterEach(async () => {
  for (const volume of open.splice(0)) await volume.halt();
  await Promise.all([wal.close(), store.close()]);
  rmSync(folder, { recursive: true, force: true });
});

async function volumeAt(name: string, options: TestVolumeOptions = {}): Promise<TestVolume> {
  const dir = join(folder, name);
  const objects = join(folder, 'objects');
  const volume = await createVolume({ objects, dir, ...options }, wal);
  open.push(volume);
  return volume;
}

async function halt(volume: TestVolume): Promise<void> {
  open.splice(open.indexOf(volume), 1);
  await volume.halt();
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
/** acme has every second record, and idle only the first two. */
const history = (count: number) =>
  numbers(count).map((n) => recordOf(n < 4 && n % 2 ? 'idle' : n % 2 ? 'other' : 'acme', n));

async function until(
  volume: TestVolume,
  tenantId: string,
  kind: TenantFileState['kind'],
): Promise<TenantFileState> {
  for (;;) {
    const state = volume.tenants.state(tenantId);
    if (volume.tenants.has(tenantId) && state.kind === kind) return state;
    if (volume.tenants.has(tenantId))
      await volume.tenants.changed(tenantId, AbortSignal.timeout(20_000));
    else await new Promise(setImmediate);
  }
}

const tenantIds = ['acme', 'idle', 'other'];
const factsOf = (volume: TestVolume) =>
  tenantIds.map((tenantId) => {
    const { position, digests } = tenantFacts(tenantDir(volume.dir, tenantId), tenantId);
    return { tenantId, ...position, ...digests };
  });

/** What a volume that had every record from the log holds. */
async function truth(): Promise<ReturnType<typeof factsOf>> {
  const volume = await volumeAt('truth');
  volume.run();
  await volume.applied();
  await halt(volume);
  return factsOf(volume);
}

async function settled(volume: TestVolume): Promise<ReturnType<typeof factsOf>> {
  const { applier } = volume;
  await eventually(() => applier.undecided.size === 0 && applier.lost.size === 0);
  for (const tenantId of tenantIds) await until(volume, tenantId, 'active');
  await volume.applied();
  await halt(volume);
  return factsOf(volume);
}

async function written(count: number): Promise<ReturnType<typeof factsOf>> {
  const volume = await volumeAt('first');
  await volume.append(history(count));
  await halt(volume);
  return truth();
}

describe('an empty volume', () => {
  it('begins at the log’s start, with what lies before from snapshots and archive: the same digests', async () => {
    const expected = await written(40);
    await archive.archive(partition, 10);
    await archive.snapshot('acme');
    await archive.archive(partition, 30);
    wal.truncateBefore(walTopic, partition, 25);
    const volume = await volumeAt('empty');
    volume.run();
    expect(await settled(volume)).toEqual(expected);
    expect(volume.heals.filter((event) => event === 'failed')).toEqual([]);
    expect(readdirSync(join(volume.dir, 'healing'))).toEqual([]);
  });

  it('knows of a tenant whose records are all gone from the log, and of none that never was', async () => {
    await written(40);
    await archive.archive(partition);
    wal.truncateBefore(walTopic, partition, 40);
    const volume = await volumeAt('empty');
    volume.run();
    for (const tenantId of tenantIds) await until(volume, tenantId, 'active');
    expect(volume.tenants.page('', 10)).toEqual(tenantIds);
    expect(volume.progress.nextOffset(partition)).toBe(40);
    expect(volume.progress.caughtUp(partition)).toBe(true);
    // A tenant whose first record comes now is a new one.
    await volume.append([recordOf('young', 0)]);
    await until(volume, 'young', 'active');
  });

  it('leads around a damaged snapshot', async () => {
    const expected = await written(40);
    await archive.archive(partition, 10);
    await archive.snapshot('acme');
    await archive.archive(partition, 30);
    const id = await archive.snapshot('acme');
    wal.truncateBefore(walTopic, partition, 25);
    const path = join(folder, 'objects', 'snapshots', 'acme', id, 'canonical.db');
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
    const volume = await volumeAt('empty');
    volume.run();
    expect(await settled(volume)).toEqual(expected);
  });

  it('is served by a store that was away at first, and says so meanwhile', async () => {
    const expected = await written(40);
    await archive.archive(partition, 30);
    wal.truncateBefore(walTopic, partition, 25);
    let away = true;
    const volume = await volumeAt('empty', {
      wrapStore: (atHand) => ({
        missing: async (signal) => {
          if (away) throw new EntError('OBJECT_STORE_UNAVAILABLE', 'it does not answer');
          return atHand.missing(signal);
        },
        tenants: (signal) => atHand.tenants(signal),
      }),
    });
    expect(volume.applier.undecided).toEqual(new Set([partition]));
    volume.run();
    await eventually(() => volume.applier.undecided.size === 0);
    expect(volume.applier.storeTrouble()?.message).toBe('it does not answer');
    // Nobody is told that anything is lost.
    expect(volume.applier.lost.get(partition)).toMatchObject({ code: 'NOT_CAUGHT_UP' });
    away = false;
    expect(await settled(volume)).toEqual(expected);
    expect(volume.applier.storeTrouble()).toBeUndefined();
  });

  it('stands still by name while neither reaches, and goes on once the archive’s mark is mended', async () => {
    const expected = await written(40);
    await archive.archive(partition);
    await wal.commit(archiverGroup, walTopic, partition, 20);
    wal.truncateBefore(walTopic, partition, 25);
    const volume = await volumeAt('empty');
    volume.run();
    await eventually(() => volume.applier.undecided.size === 0);
    expect(volume.applier.lost.get(partition)).toMatchObject({
      code: 'LOG_START_PASSED',
      message: expect.stringContaining('the archive reaches to offset 20') as string,
    });
    expect(volume.tenants.size).toBe(0);
    await wal.commit(archiverGroup, walTopic, partition, 40);
    expect(await settled(volume)).toEqual(expected);
  });
});

describe('a tenant', () => {
  const damage = new EntError('STORE_CORRUPT', 'planned');

  /** A volume that follows the log, whose head is then gone. */
  async function following(options: TestVolumeOptions = {}) {
    const expected = await written(40);
    const volume = await volumeAt('live', options);
    volume.run();
    await volume.applied();
    await archive.archive(partition, 30);
    wal.truncateBefore(walTopic, partition, 25);
    return { volume, expected };
  }

  it('whose files are damaged, and whose first record the log no longer has, is healed while others go on', async () => {
    const { volume, expected } = await following();
    await volume.applier.distrust('acme', damage);
    expect(volume.tenants.state('other').kind).toBe('active');
    expect(await settled(volume)).toEqual(expected);
    expect(volume.heals).toEqual(['begun', 'done']);
  });

  it('of which the archive lacks what the log has lost stands still by name, alone', async () => {
    await written(40);
    const volume = await volumeAt('live');
    volume.run();
    await volume.applied();
    await archive.archive(partition, 30);
    await wal.commit(archiverGroup, walTopic, partition, 20);
    wal.truncateBefore(walTopic, partition, 35);
    // idle ended long before: whether it has a record between the mark and the log's start nobody can say.
    for (const tenantId of tenantIds) await volume.applier.distrust(tenantId, damage);
    for (const tenantId of tenantIds)
      expect(await until(volume, tenantId, 'quarantined')).toMatchObject({ code: 'ARCHIVE_GAP' });
    await volume.append([recordOf('young', 0)]);
    await until(volume, 'young', 'active');
  });

  it('of which a segment is damaged stands still with its name', async () => {
    const { volume } = await following();
    const day = join(folder, 'objects', 'archive', 'acme');
    const [date] = readdirSync(day);
    const [name] = readdirSync(join(day, date!)).filter((each) => each.endsWith('.gz'));
    const path = join(day, date!, name!);
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
    await volume.applier.distrust('acme', damage);
    expect(await until(volume, 'acme', 'quarantined')).toMatchObject({
      code: 'SEGMENT_CORRUPT',
      reason: expect.stringContaining(name!) as string,
    });
    expect(volume.tenants.state('other').kind).toBe('active');
  });

  it('says that there is no object store where nobody set one up', async () => {
    const { volume } = await following();
    rmSync(join(folder, 'objects'), { recursive: true });
    await volume.applier.distrust('acme', damage);
    expect(await until(volume, 'acme', 'quarantined')).toMatchObject({
      code: 'LOG_START_PASSED',
      reason: expect.stringContaining('there is no object store') as string,
    });
  });

  it('waits while the store is away, however often that is found out, and one tenant asks for all', async () => {
    let failures = 3;
    let asked = 0;
    const { volume, expected } = await following({
      wrapHealer: (healer) => ({
        call: async (method, params) => {
          asked += 1;
          if (--failures >= 0) throw new EntError('OBJECT_STORE_UNAVAILABLE', 'it is away');
          return healer.call(method, params);
        },
      }),
    });
    await Promise.all(tenantIds.map((tenantId) => volume.applier.distrust(tenantId, damage)));
    expect(await settled(volume)).toEqual(expected);
    expect(volume.heals.filter((event) => event === 'failed')).toHaveLength(3);
    expect(asked).toBe(6);
  });
});

describe('a volume that was away for longer than the log keeps its records', () => {
  it('goes on: what its files lack is added to them, and an idle tenant’s are left as they are', async () => {
    const expected = await written(40);
    const before = await volumeAt('away');
    before.run();
    await before.applied();
    await before.applier.checkpoint();
    await halt(before);
    expect(factsOf(before)).toEqual(expected);
    const inode = (tenantId: string) =>
      statSync(join(tenantDir(before.dir, tenantId), 'canonical.db')).ino;
    const idle = inode('idle');
    const rest = numbers(20).map((n) => recordOf(n % 2 ? 'other' : 'acme', 100 + n));
    const writer = await volumeAt('writer');
    await writer.append(rest);
    writer.run();
    await writer.applied();
    await halt(writer);
    await archive.archive(partition, 55);
    wal.truncateBefore(walTopic, partition, 50);

    const after = await volumeAt('away');
    after.run();
    expect(await settled(after)).toEqual(factsOf(writer));
    expect(inode('idle')).toBe(idle);
    expect(after.heals.filter((event) => event === 'done')).toHaveLength(3);
  });
});
