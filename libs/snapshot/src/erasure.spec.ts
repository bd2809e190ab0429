/**
 * Method: a tenant that was erased by its record 21 and made again by the next. Whatever is asked for, by every kind of target and from everywhere, nothing from before
 * comes back; and everything after it does.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { erasureName } from '@entdb/archive-format';
import { createMemoryWal, type Wal } from '@entdb/wal';
import { loadCatalog } from './catalog.ts';
import { planFor } from './planning.ts';
import { restoreTenant, type RestoreRequest } from './restore.ts';
import { makeSnapshot } from './snapshot.ts';
import type { RestoreTarget } from './target.ts';
import { creation, deletion, place, randomLog, tenantId, withRecords } from './testing/records.ts';
import { testStore, type TestStore } from './testing/test-store.ts';
import { archive, rng, rowsOf, scratchFolder, testClock, truthOf } from './testing/world.ts';
import { verifyTenant } from './verify.ts';

const erasing = 21;
const log = withRecords(
  randomLog(40, 8).map((record, n) => ({ ...record, timeMs: 1_790_000_000_000 + n * 1000 })),
  { [erasing]: deletion('erase', true), [erasing + 1]: creation('again') },
);
const truth = truthOf(log);
const clock = testClock();
const folder = scratchFolder();
afterAll(() => folder.remove());

let store: TestStore;
let runs = 0;
const erasure = erasureName(tenantId, erasing);

/** Segments of seven records; the third has the erasure in its middle or at its end. */
async function archived(to: number): Promise<TestStore> {
  const made = testStore();
  await archive(made, log.slice(0, to), () => 7);
  return made;
}
beforeEach(async () => {
  store = await archived(40);
});

const request = (target: RestoreTarget, more: Partial<RestoreRequest> = {}): RestoreRequest => ({
  store,
  clock,
  rng,
  tenantId,
  target,
  outputDir: join(folder.path, `out-${runs++}`),
  ...more,
});
const toSequence = (sequence: number, inclusive = true): RestoreTarget => ({
  kind: 'sequence',
  sequence,
  inclusive,
});

async function isErased(target: RestoreTarget, more: Partial<RestoreRequest> = {}): Promise<void> {
  const asked = request(target, more);
  await expect(restoreTenant(asked)).rejects.toMatchObject({
    code: 'TENANT_ERASED',
    message: expect.stringContaining(`record ${erasing} `),
    facts: { position: { ...place, offset: truth.points[erasing]!.offset } },
  });
  expect(existsSync(asked.outputDir) ? readdirSync(asked.outputDir) : []).toEqual([]);
  // The dry run says so as well.
  const { planning } = await planFor(asked);
  const what = target.kind === 'latest' || more.short ? 'archived ends' : 'lies';
  expect(planning).toMatchObject({
    kind: 'refused',
    refusal: { code: 'TENANT_ERASED', message: expect.stringContaining(`${what} before that`) },
  });
}

async function reaches(
  sequence: number,
  target: RestoreTarget,
  more: Partial<RestoreRequest> = {},
): Promise<void> {
  const asked = request(target, more);
  expect((await restoreTenant(asked)).reached).toEqual(truth.points[sequence]);
  expect(rowsOf(join(asked.outputDir, tenantId))).toBe(truth.rows[sequence]);
}

it.each(['best', 'scratch'] as const)('is a floor for every kind of target (%s)', async (kind) => {
  const from = { kind };
  for (const n of [1, 14, 20]) {
    const { offset, timeMs } = truth.points[n]!;
    await isErased(toSequence(n), { from });
    await isErased({ kind: 'position', offset, inclusive: true }, { from });
    await isErased({ kind: 'time', timeMs, inclusive: true }, { from });
    await isErased({ kind: 'key', key: log[n - 1]!.key, inclusive: true }, { from });
  }
  await isErased(toSequence(erasing, false), { from });
  await isErased({ kind: 'key', key: 'erase', inclusive: false }, { from });
  for (const n of [erasing, erasing + 1, 33]) {
    const { offset, timeMs } = truth.points[n]!;
    await reaches(n, toSequence(n), { from });
    await reaches(n, { kind: 'position', offset, inclusive: true }, { from });
    await reaches(n, { kind: 'time', timeMs, inclusive: true }, { from });
  }
  await reaches(erasing, { kind: 'key', key: 'erase', inclusive: true }, { from });
  await reaches(40, { kind: 'latest' }, { from });
});

it('lets an older snapshot be a base on the way, and never a result', async () => {
  store = await archived(14);
  const cacheDir = join(folder.path, 'cache-old');
  const made = await makeSnapshot({ store, tenantId, cacheDir });
  if (made.kind !== 'made') throw new Error('no snapshot');
  for (const key of await keysOf(await archived(40)))
    await store.create(key, await (await archived(40)).read(key));
  const from = { kind: 'snapshot', id: made.id } as const;
  await isErased({ kind: 'snapshot', id: made.id });
  await isErased(toSequence(14), { from });
  await isErased(toSequence(18), { from });
  const { planning } = await planFor(request(toSequence(33)));
  expect(planning).toMatchObject({ plan: { base: { id: made.id }, erased: { object: erasure } } });
  await reaches(33, toSequence(33), { from });
  await reaches(erasing, toSequence(erasing));
});

it('is where the restorable window begins', async () => {
  const { windows } = await loadCatalog(store, tenantId);
  expect(windows).toEqual([{ first: truth.points[erasing], last: truth.points[40] }]);
});

it('holds by its name alone when the object is damaged', async () => {
  await store.tamper(erasure, (bytes) => bytes.map((byte, i) => (i === 40 ? byte ^ 1 : byte)));
  for (const target of [toSequence(20), { kind: 'latest' } as const])
    if (target.kind === 'latest') await reaches(40, target);
    else
      await expect(restoreTenant(request(target))).rejects.toMatchObject({ code: 'TENANT_ERASED' });
  const { timeMs } = truth.points[20]!;
  await expect(
    restoreTenant(request({ kind: 'time', timeMs, inclusive: true })),
  ).rejects.toMatchObject({ code: 'TENANT_ERASED' });
  await reaches(33, toSequence(33));
  expect(await verified('present')).toEqual([['OBJECT_CORRUPT', erasure]]);
});

it('ends a restore for which the archive does not reach the erasure', async () => {
  const object = await store.read(erasure);
  store = await archived(14);
  await store.create(erasure, object);
  await isErased({ kind: 'latest' });
  await isErased(toSequence(33), { short: 'accept' });
  expect((await loadCatalog(store, tenantId)).windows).toEqual([]);
});

it('is a finding where the object is missing, or where no record stands for it', async () => {
  expect(await verified('restore')).toEqual([]);
  const object = await store.read(erasure);
  await store.remove([erasure]);
  expect(await verified('present')).toEqual([]);
  expect(await verified('restore')).toEqual([['OBJECT_NOT_FOUND', erasure]]);
  await store.create(erasure, object);
  const other = erasureName(tenantId, 7);
  await store.create(other, object);
  expect(await verified('present')).toEqual([['OBJECT_CORRUPT', other]]);
  expect(await verified('restore')).toEqual([
    ['OBJECT_CORRUPT', other],
    ['ARCHIVE_CONFLICT', other],
  ]);
});

async function verified(level: 'present' | 'restore') {
  const { findings } = await verifyTenant({ store, clock, rng, tenantId, level });
  return findings.map(({ code, object }) => [code, object]);
}

describe('on the log, not archived yet', () => {
  let wal: Wal;
  const atHand = () => ({ log: { wal, ...place, archiverGroup: 'entdb-archiver' } });
  let truthOnLog: ReturnType<typeof truthOf>;
  beforeAll(async () => {
    const memory = createMemoryWal({ clock });
    wal = memory;
    await memory.createTopics([
      {
        name: place.topic,
        partitions: 4,
        replicationFactor: 1,
        minInsyncReplicas: 1,
        retentionMs: -1,
        maxMessageBytes: 1_000_000,
      },
    ]);
    const lane = await memory.openLane(place.topic, place.partition);
    const raw = [];
    for (const [n, { key, value }] of log.entries()) {
      clock.set(clock.now() + 1000);
      const { baseOffset } = await lane.append([{ key: tenantId, value }]);
      raw.push({ offset: baseOffset, timeMs: clock.now(), key, value });
      if (n % 4 === 0) await lane.append([{ key: 'other', value: Buffer.from('not ours') }]);
    }
    await lane.close();
    clock.set(clock.now() + 1000);
    truthOnLog = truthOf(raw);
    store = testStore();
    await archive(store, raw.slice(0, 14), () => 7);
    rawLog = raw;
  });
  let rawLog: readonly (typeof log)[number][];
  beforeEach(async () => {
    store = testStore();
    await archive(store, rawLog.slice(0, 14), () => 7);
  });
  afterAll(() => wal.close());

  it('is found before an earlier target is accepted', async () => {
    const erased = {
      code: 'TENANT_ERASED',
      message: expect.stringContaining(
        `record ${erasing} at offset ${truthOnLog.points[erasing]!.offset}`,
      ),
    };
    for (const n of [1, 7, 14, 18, 20]) {
      const { offset, timeMs } = truthOnLog.points[n]!;
      const key = rawLog[n - 1]!.key;
      for (const target of [
        toSequence(n),
        { kind: 'position', offset, inclusive: true },
        { kind: 'time', timeMs, inclusive: true },
        { kind: 'key', key, inclusive: true },
      ] satisfies RestoreTarget[])
        await expect(restoreTenant(request(target, atHand()))).rejects.toMatchObject(erased);
    }
    for (const n of [erasing, 30]) {
      const asked = request(toSequence(n), atHand());
      await restoreTenant(asked);
      expect(rowsOf(join(asked.outputDir, tenantId))).toBe(truthOnLog.rows[n]);
    }
    const latest = request({ kind: 'latest' }, atHand());
    await restoreTenant(latest);
    expect(rowsOf(join(latest.outputDir, tenantId))).toBe(truthOnLog.rows[40]);
  });

  it('is refused as well where it cannot be counted, and without the log nobody knows of it', async () => {
    const lossy = wal as ReturnType<typeof createMemoryWal>;
    lossy.truncateBefore(place.topic, place.partition, truthOnLog.points[18]!.offset);
    await expect(restoreTenant(request(toSequence(7), atHand()))).rejects.toMatchObject({
      code: 'TENANT_ERASED',
    });
    expect((await restoreTenant(request(toSequence(7)))).reached.sequence).toBe(7);
  });
});

async function keysOf(of: TestStore): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of of.list({ prefix: '' })) keys.push(key);
  return keys;
}
