/** Snapshots against what appliers published: behind the working copy, on the way, and for a record that was in doubt once. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createMemoryStore, type MemoryStore } from '@entdb/object-store';
import { makeSnapshot, type PublishedDigests } from './snapshot.ts';
import { randomLog, tenantId } from './testing/records.ts';
import { allObjects, archive, scratchFolder, truthOf } from './testing/world.ts';

const log = randomLog(60, 33);
const truth = truthOf(log);
const folder = scratchFolder();
afterAll(() => folder.remove());

let store: MemoryStore;
let cacheDir: string;
let runs = 0;
beforeEach(async () => {
  cacheDir = join(folder.path, `cache-${runs++}`);
  store = createMemoryStore();
  const first = await archive(store, log.slice(0, 30), () => 10);
  await snapshot();
  await archive(store, log.slice(30), () => 10, first.at(-1));
});

const snapshot = (more: Partial<Parameters<typeof makeSnapshot>[0]> = {}) =>
  makeSnapshot({ store, tenantId, cacheDir, ...more });
const manifests = async () =>
  (await allObjects(store)).filter((key) => key.endsWith('/manifest.json')).length;
const said = (sequences: readonly number[], instances = ['applier-0']) =>
  new Map(sequences.map((n) => [n, { ...truth.digests[n]!, instances }]));
const wrongAt = (sequence: number, part: 'canonical' | 'mailbox') => {
  const wrong: PublishedDigests = { ...truth.digests[sequence]!, [part]: 'f'.repeat(64) };
  return new Map([[sequence, wrong]]);
};

it('compares what lies behind the working copy with what it kept, and says in the manifest who agreed', async () => {
  const published = said([12, 29], ['applier-1', 'applier-0', 'applier-1']);
  expect(await snapshot({ published })).toMatchObject({
    kind: 'made',
    confirmed: [12, 29],
    manifest: { sequence: 60, confirmed: { sequence: 29, instances: ['applier-0', 'applier-1'] } },
  });
});

it('compares what lies behind a snapshot that was fetched, too', async () => {
  rmSync(cacheDir, { recursive: true });
  const published = said([12, 45, 60, 61]);
  expect(await snapshot({ published })).toMatchObject({
    confirmed: [12, 45, 60],
    manifest: { confirmed: { sequence: 60 } },
  });
});

it('names nobody in the manifest where nothing was compared', async () => {
  const made = await snapshot();
  expect(made).toMatchObject({ kind: 'made', confirmed: [] });
  expect(made).not.toHaveProperty('manifest.confirmed');
});

it.each([12, 30, 47])(
  'makes none where record %i was published with other digests, and tells both',
  async (at) => {
    await expect(snapshot({ published: wrongAt(at, 'canonical') })).rejects.toMatchObject({
      code: 'SNAPSHOT_DIGEST_MISMATCH',
      facts: {
        metadata: {
          sequence: String(at),
          offset: String(truth.points[at]!.offset),
          canonical: truth.digests[at]!.canonical,
          expected_canonical: 'f'.repeat(64),
        },
      },
    });
    expect(await manifests()).toBe(1);
    expect(existsSync(join(cacheDir, tenantId))).toBe(false);
  },
);

it('passes by a record in doubt again, whatever the cache and the newest snapshot stand at', async () => {
  const doubtful = wrongAt(25, 'mailbox'); // of the mailbox nothing is kept: only the way leads past it
  expect(await snapshot({ published: doubtful })).toMatchObject({ kind: 'made' });
  const before = await manifests();
  const again = (published: ReadonlyMap<number, PublishedDigests>) =>
    snapshot({ published, passBy: 25, recordsMin: 0 });
  await expect(again(doubtful)).rejects.toMatchObject({
    code: 'SNAPSHOT_DIGEST_MISMATCH',
    facts: { metadata: { sequence: '25', mailbox: truth.digests[25]!.mailbox } },
  });
  expect(await manifests()).toBe(before);
  expect(await again(said([25]))).toMatchObject({ kind: 'made', confirmed: [25] });
});
