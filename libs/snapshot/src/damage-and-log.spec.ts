/** Method: an archive of forty records that the log still has as well. Each segment is damaged in each way: the restore goes by the log from there on, says so, and has what the oracle has. */
import { join } from 'node:path';
import { checksumNameOf, type SegmentChecksum } from '@entdb/archive-format';
import { createMemoryWal, type Wal } from '@entdb/wal';
import { planFor } from './planning.ts';
import { restoreTenant, type RestoreRequest } from './restore.ts';
import { place, randomLog, tenantId, type RawRecord } from './testing/records.ts';
import { testStore, type TestStore } from './testing/test-store.ts';
import {
  archive,
  rng,
  rowsOf,
  scratchFolder,
  testClock,
  truthOf,
  type Truth,
} from './testing/world.ts';

const clock = testClock();
const folder = scratchFolder();
afterAll(() => folder.remove());

let wal: ReturnType<typeof createMemoryWal>;
let raw: RawRecord[];
let truth: Truth;
let segments: readonly SegmentChecksum[];
let store: TestStore;
let runs = 0;

beforeAll(async () => {
  wal = createMemoryWal({ clock });
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
  raw = [];
  for (const { key, value } of randomLog(44, 6)) {
    clock.set(clock.now() + 1000);
    const { baseOffset } = await lane.append([{ key: tenantId, value }]);
    raw.push({ offset: baseOffset, timeMs: clock.now(), key, value });
    await lane.append([{ key: 'other', value: Buffer.from('not ours') }]);
  }
  await lane.close();
  clock.set(clock.now() + 1000);
  truth = truthOf(raw);
});
afterAll(() => wal.close());
beforeEach(async () => {
  store = testStore();
  segments = await archive(store, raw.slice(0, 40), () => 10);
  await wal.commit('entdb-archiver', place.topic, place.partition, raw[39]!.offset + 1);
});

const atHand = (log: Wal = wal) => ({
  log: { wal: log, ...place, archiverGroup: 'entdb-archiver' },
});
const request = (sequence: number, more: Partial<RestoreRequest> = {}): RestoreRequest => ({
  store,
  clock,
  rng,
  tenantId,
  target: { kind: 'sequence', sequence, inclusive: true },
  outputDir: join(folder.path, `out-${runs++}`),
  ...more,
});

async function restoresTo(n: number, around: string): Promise<void> {
  const asked = request(n, atHand());
  const report = await restoreTenant(asked);
  expect(report.digests).toEqual(truth.digests[n]);
  expect(rowsOf(join(asked.outputDir, tenantId))).toBe(truth.rows[n]);
  expect(report.passedOver.map(({ object }) => object)).toEqual([around]);
  expect(report.plan.tail).toMatchObject({ kind: 'log' });
}

const harms: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array | undefined>> = {
  missing: () => undefined,
  'cut short': (bytes) => bytes.subarray(0, bytes.length - 1),
  flipped: (bytes) => bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 4 : byte)),
};

it.each(Object.keys(harms))(
  'leads around a segment that is %s, and around its checksum',
  async (harm) => {
    for (const at of [0, 2, 3]) {
      const { segment } = segments[at]!;
      for (const key of [segment, checksumNameOf(segment)]) {
        const isUnfinished = at === 3 && key !== segment && harm === 'missing';
        const bytes = await store.read(key);
        await store.tamper(key, harms[harm]!);
        if (!isUnfinished) for (const n of [at * 10 + 5, 40]) await restoresTo(n, segment);
        await store.remove([key]);
        await store.create(key, bytes);
      }
    }
  },
  120_000,
);

it('leads around two at once, and around a gap', async () => {
  await store.tamper(segments[1]!.segment, harms.flipped!);
  await store.tamper(segments[2]!.segment, harms.flipped!);
  await restoresTo(44, segments[1]!.segment);
  store = testStore();
  await archive(store, raw.slice(0, 40), () => 10);
  const { segment } = segments[1]!;
  await store.remove([segment, checksumNameOf(segment)]);
  await restoresTo(33, segments[2]!.segment);
});

it('does not go by a log that begins later, or that ends before what is archived', async () => {
  const { segment } = segments[2]!;
  await store.tamper(segment, harms.flipped!);
  await expect(restoreTenant(request(30))).rejects.toMatchObject({ code: 'SEGMENT_CORRUPT' });
  const short = createMemoryWal({ clock });
  await short.createTopics([
    {
      name: place.topic,
      partitions: 4,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      retentionMs: -1,
      maxMessageBytes: 1_000_000,
    },
  ]);
  const lane = await short.openLane(place.topic, place.partition);
  for (const { value } of raw.slice(0, 39)) await lane.append([{ key: tenantId, value }]);
  await lane.close();
  await expect(restoreTenant(request(30, atHand(short)))).rejects.toMatchObject({
    code: 'SEGMENT_CORRUPT',
    message: expect.stringContaining(segment),
  });
  await short.close();
  // What lies below the damage does not need the log.
  expect((await restoreTenant(request(19, atHand()))).passedOver).toEqual([]);
});

it('compares digests that are known for records of the log', async () => {
  const wrong = { canonical: 'a'.repeat(64), mailbox: '' };
  for (const n of [41, 43]) {
    const published = new Map([[n, wrong]]);
    await expect(restoreTenant(request(44, { ...atHand(), published }))).rejects.toMatchObject({
      code: 'RESTORE_DIGEST_MISMATCH',
    });
  }
  const published = new Map([15, 41, 42, 44].map((n) => [n, truth.digests[n]!]));
  const asked = request(44, { ...atHand(), published });
  expect((await restoreTenant(asked)).digests).toEqual(truth.digests[44]);
});

it('says in the dry run what it knows beforehand', async () => {
  const { segment } = segments[2]!;
  await store.tamper(segment, () => undefined);
  const { planning } = await planFor(request(35, atHand()));
  expect(planning).toMatchObject({
    plan: {
      tail: { kind: 'log', fromOffset: truth.points[20]!.offset + 1 },
      passedOver: [{ object: segment, code: 'SEGMENT_CORRUPT' }],
    },
  });
});

it('loses the log’s head, and then cannot lead around any more', async () => {
  const { segment } = segments[2]!;
  await store.tamper(segment, harms.flipped!);
  wal.truncateBefore(place.topic, place.partition, truth.points[22]!.offset);
  await expect(restoreTenant(request(30, atHand()))).rejects.toMatchObject({
    code: 'SEGMENT_CORRUPT',
    message: expect.stringContaining(segment),
  });
});
