/**
 * Method: files of a tenant are restored over files that are there already: older ones, newer ones, damaged ones, those of another history, of a snapshot, and with a -wal beside them. What comes
 * out is always what the oracle has; what was fetched is counted.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openTenantWriter } from '@entdb/tenant-store';
import { restoreTenant, type RestoreRequest } from './restore.ts';
import { makeSnapshot } from './snapshot.ts';
import { deletion, randomLog, tenantId, withRecords } from './testing/records.ts';
import { testStore, type TestStore } from './testing/test-store.ts';
import {
  archive,
  placed,
  rng,
  rowsOf,
  scratchFolder,
  testClock,
  truthOf,
  withRestores,
} from './testing/world.ts';

const log = withRestores(
  randomLog(60, 12).map((record, n) => ({ ...record, timeMs: 1_790_000_000_000 + n * 1000 })),
  { 45: 33 },
);
const truth = truthOf(log);
const clock = testClock();
const folder = scratchFolder();
afterAll(() => folder.remove());

let fetched = 0;
let store: TestStore;
let snapshots: string[];
let outputDir: string;
let runs = 0;
const dir = () => join(outputDir, tenantId);
/** What appliers said of every fourth record. */
const published = new Map(
  [4, 8, 12, 16, 24, 28, 32, 36, 44, 48, 52, 56].map((n) => [n, truth.digests[n]!]),
);

/** Snapshots after 20 and 40. */
beforeAll(async () => {
  store = testStore();
  snapshots = [];
  let last;
  for (const [from, to] of [
    [0, 20],
    [20, 40],
    [40, 60],
  ] as const) {
    last = (await archive(store, log.slice(from, to), () => 5, last)).at(-1);
    if (to === 60) break;
    const made = await makeSnapshot({ store, tenantId, cacheDir: join(folder.path, 'cache') });
    if (made.kind === 'made') snapshots.push(made.id);
  }
  const sizes = new Map<string, number>();
  for await (const { key, size } of store.list({ prefix: '' })) sizes.set(key, size);
  store = store.another({
    faults: ({ name, key }) => {
      if (name === 'open' && /\.(db|gz)$/.test(key)) fetched += sizes.get(key) ?? 0;
      return undefined;
    },
  });
});

const restore = (sequence: number, more: Partial<RestoreRequest> = {}) =>
  restoreTenant({
    store,
    clock,
    rng,
    tenantId,
    target: { kind: 'sequence', sequence, inclusive: true },
    outputDir,
    force: true,
    delta: true,
    published,
    ...more,
  });

/** Files as an applier would have them after so many records. */
function standAt(n: number, records = log): void {
  rmSync(outputDir, { recursive: true, force: true });
  const writer = openTenantWriter({ dir: dir(), tenantId, create: true });
  for (const record of records.slice(0, n)) writer.apply([placed(record)]);
  writer.close();
}

beforeEach(() => {
  outputDir = join(folder.path, `out-${runs++}`);
  fetched = 0;
});

async function expectTruth(n: number, more: Partial<RestoreRequest> = {}) {
  const without = join(folder.path, `plain-${runs++}`);
  const before = fetched;
  await restore(n, { outputDir: without, delta: false });
  const plain = fetched - before;
  fetched = 0;
  const report = await restore(n, more);
  expect(report.digests).toEqual(truth.digests[n]);
  expect(readdirSync(outputDir)).toEqual([tenantId]);
  expect(readdirSync(dir()).sort()).toEqual(['canonical.db', 'mailbox.db', 'report.json']);
  expect(rowsOf(dir())).toBe(truth.rows[n]);
  expect(report.passedOver.filter(({ object }) => !object.startsWith('restores/'))).toEqual([]);
  return { reused: report.reused!, plain };
}

it('goes on from files that stand within the limit, and fetches the rest alone', async () => {
  standAt(43);
  const { reused, plain } = await expectTruth(44);
  expect(reused).toMatchObject({ base: { sequence: 43 }, files: [], unusable: null });
  expect(reused.bytesSaved).toBeGreaterThan(0);
  expect(plain - fetched).toBe(reused.bytesSaved);
});

it.each([1, 20, 21, 39, 40])('takes whichever is further, files at %i or a snapshot', async (n) => {
  standAt(n);
  const { reused } = await expectTruth(44);
  expect(reused.base?.sequence).toBe(n >= 40 ? n : undefined);
  expect(reused.unusable).toBeNull();
});

it('passes a restore in place that came after the files', async () => {
  standAt(44);
  const { reused } = await expectTruth(52);
  expect(reused.base?.sequence).toBe(44);
});

it('does not take files that have passed the limit', async () => {
  standAt(30);
  const { reused } = await expectTruth(22);
  expect(reused).toMatchObject({ base: null, unusable: null });
});

it('does not fetch a file that has the bytes of the snapshot already', async () => {
  await restore(0, { target: { kind: 'snapshot', id: snapshots[1]! } });
  for (const harmed of ['canonical.db', 'mailbox.db']) {
    const bytes = readFileSync(join(dir(), harmed));
    writeFileSync(
      join(dir(), harmed),
      bytes.map((byte, i) => (i === 100 ? byte ^ 1 : byte)),
    );
    const { reused, plain } = await expectTruth(40);
    const other = harmed === 'canonical.db' ? 'mailbox.db' : 'canonical.db';
    expect(reused).toMatchObject({ base: null, files: [other] });
    expect(reused.unusable).not.toBeNull();
    expect(plain - fetched).toBe(reused.bytesSaved);
    await restore(0, { target: { kind: 'snapshot', id: snapshots[1]! } });
  }
});

it('takes what is in a -wal with the files', async () => {
  standAt(41);
  const live = openTenantWriter({ dir: dir(), tenantId, create: false });
  live.apply([placed(log[41]!)]);
  const copy = join(folder.path, `copy-${runs}`);
  cpSync(dir(), copy, { recursive: true });
  live.close();
  rmSync(dir(), { recursive: true });
  cpSync(copy, dir(), { recursive: true });
  expect(existsSync(join(dir(), 'canonical.db-wal'))).toBe(true);
  rmSync(join(dir(), 'canonical.db-shm'), { force: true });
  rmSync(join(dir(), 'mailbox.db-shm'), { force: true });
  const { reused } = await expectTruth(44);
  expect(reused.base?.sequence).toBe(42);
});

it('leaves files alone that are damaged, of another history, or beyond what is archived', async () => {
  standAt(43);
  const path = join(dir(), 'canonical.db');
  const bytes = readFileSync(path);
  for (let at = 4096 + 100; at < bytes.length; at += 16384) {
    writeFileSync(
      path,
      bytes.map((byte, i) => (i === at ? byte ^ 16 : byte)),
    );
    await expectTruth(44);
    standAt(43);
  }
  const forks: readonly (readonly [string, typeof log, number])[] = [
    ['another content', withRecords(log, { 10: deletion('fork', false) }), 43],
    ['other offsets', log.map((record) => ({ ...record, offset: record.offset + 1 })), 43],
    ['beyond', [...log, { ...log[1]!, offset: log.at(-1)!.offset + 3 }], 61],
  ];
  for (const [what, fork, n] of forks) {
    const plainFork = what === 'beyond' ? fork.filter((_, i) => i !== 44) : fork;
    standAt(what === 'beyond' ? 60 : n, plainFork);
    const { reused } = await expectTruth(44);
    expect([what, reused.base]).toEqual([what, null]);
    if (what !== 'beyond') expect([what, reused.unusable === null]).toEqual([what, false]);
  }
}, 60_000);

it('is found out on the way where only a later digest tells', async () => {
  // The same records but for one whose difference no snapshot before the files knows of.
  standAt(43, withRecords(log, { 42: deletion('fork', false) }));
  const byExpected = { published: new Map(), expected: truth.digests[44]! };
  for (const more of [{}, byExpected]) {
    const { reused } = await expectTruth(44, more);
    expect(reused).toMatchObject({ base: null, unusable: expect.stringContaining('digests') });
    standAt(43, withRecords(log, { 42: deletion('fork', false) }));
  }
});

it('does not take files that nothing proves, and takes what a restore from this archive has made', async () => {
  const nothing = { published: new Map() };
  for (const records of [log, withRecords(log, { 42: deletion('fork', false) })]) {
    standAt(43, records);
    const { reused } = await expectTruth(44, nothing);
    expect(reused).toMatchObject({
      base: null,
      unusable: expect.stringContaining('no digest is known for record 43'),
    });
  }
  // Published for a record that the restore never comes to.
  standAt(43, withRecords(log, { 42: deletion('fork', false) }));
  const beyond = { published: new Map([[56, truth.digests[56]!]]) };
  expect((await expectTruth(44, beyond)).reused).toMatchObject({
    base: null,
    unusable: expect.stringContaining('no digest that is known was met'),
  });
  rmSync(outputDir, { recursive: true });
  await restore(43, nothing);
  expect((await expectTruth(44, nothing)).reused).toMatchObject({ base: { sequence: 43 } });
  // The report is not believed where the files, or the archive, are not what it speaks of.
  const report = join(dir(), 'report.json');
  const text = readFileSync(report, 'utf8');
  const chain = (JSON.parse(text) as { chain: { sha256: string } }).chain.sha256;
  for (const lie of [text.replace(chain, 'a'.repeat(64)), text.slice(5), '{}']) {
    expect(lie).not.toBe(text);
    writeFileSync(report, lie);
    expect((await expectTruth(49, nothing)).reused).toMatchObject({ base: null });
    await restore(44, nothing);
  }
});

it('does nothing of it without force, or where nothing is there', async () => {
  const first = await restore(44);
  expect(first.reused).toBeNull();
  await expect(restore(44, { force: false })).rejects.toMatchObject({ code: 'OUTPUT_NOT_EMPTY' });
});

it('goes on after it was killed, with the files still in their place', async () => {
  standAt(43);
  const images: string[] = [];
  await restore(50, {
    onProgress: ({ step, state }) => {
      const image = `${outputDir}-${images.length}-${step}-${state}`.replace(' ', '-');
      cpSync(outputDir, image, { recursive: true });
      images.push(image);
    },
  });
  expect(images.length).toBeGreaterThan(4);
  for (const image of images) {
    outputDir = image;
    const { reused } = await expectTruth(50);
    expect(reused.base?.sequence).toBe(43);
  }
});
