/**
 * Method: a small archive (four segments, snapshots after the first and the second) in which every object is damaged in every way, one at a time. A restore to the last record
 * either equals the oracle, or ends with one named error that names the object, and leaves nothing; `verify` finds the damage wherever it is.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { encodeManifest, parseManifest } from '@entdb/archive-format';
import { EntError } from '@entdb/base';
import { restoreTenant } from './restore.ts';
import { makeSnapshot } from './snapshot.ts';
import { randomLog, tenantId } from './testing/records.ts';
import { testStore, type TestStore } from './testing/test-store.ts';
import { allObjects, archive, rng, scratchFolder, testClock, truthOf } from './testing/world.ts';
import { verifyTenant } from './verify.ts';

const log = randomLog(40, 5);
const truth = truthOf(log);
const clock = testClock();
const folder = scratchFolder();
afterAll(() => folder.remove());

const sound = testStore();
const objects = new Map<string, Uint8Array>();
const snapshotIds: string[] = [];
beforeAll(async () => {
  let last;
  for (let from = 0; from < 40; from += 10) {
    last = (await archive(sound, log.slice(from, from + 10), () => 10, last)).at(-1);
    if (from > 10) continue;
    const made = await makeSnapshot({
      store: sound,
      tenantId,
      cacheDir: join(folder.path, 'cache'),
    });
    if (made.kind === 'made') snapshotIds.push(made.id);
  }
  for (const key of await allObjects(sound)) objects.set(key, await sound.read(key));
});

async function copyOf(change: (store: TestStore) => Promise<void> | void): Promise<TestStore> {
  const store = testStore();
  for (const [key, bytes] of objects) await store.create(key, bytes);
  await change(store);
  return store;
}

type Outcome = { readonly passedOver: readonly string[] } | { readonly error: EntError };

async function tryRestore(store: TestStore): Promise<Outcome> {
  const outputDir = join(folder.path, 'out');
  rmSync(outputDir, { recursive: true, force: true });
  try {
    const target = { kind: 'sequence', sequence: 40, inclusive: true } as const;
    const report = await restoreTenant({ store, clock, rng, tenantId, target, outputDir });
    expect(report.digests).toEqual(truth.digests[40]);
    expect(report.reached).toEqual(truth.points[40]);
    return { passedOver: report.passedOver.map(({ object }) => object) };
  } catch (error) {
    if (!(error instanceof EntError)) throw error;
    expect(existsSync(outputDir) ? readdirSync(outputDir) : []).toEqual([]);
    return { error };
  }
}

const harms: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array | undefined>> = {
  missing: () => undefined,
  empty: () => new Uint8Array(0),
  'cut short': (bytes) => bytes.subarray(0, bytes.length - 1),
  'a byte longer': (bytes) => Buffer.concat([bytes, Buffer.from('x')]),
  'flipped at the start': (bytes) => flipped(bytes, 0),
  'flipped in the middle': (bytes) => flipped(bytes, bytes.length >> 1),
  'flipped at the end': (bytes) => flipped(bytes, bytes.length - 1),
};

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = copy[at]! ^ 4;
  return copy;
}

/** What must come of damage to an object, by its place. */
function expected(key: string, harm: string): 'around' | 'restored' | 'fails' {
  if (key.startsWith('snapshots/')) {
    const isBase = key.includes(snapshotIds[1]!);
    const isUnmade = harm === 'missing' && key.endsWith('manifest.json');
    return isBase && !isUnmade ? 'around' : 'restored';
  }
  const first = Number(/segment_(\d+)/.exec(key)![1]);
  return first < 21 ? 'restored' : 'fails';
}

describe.each(Object.keys(harms))('an object that is %s', (harm) => {
  it('is led around, or named', async () => {
    expect(objects.size).toBe(4 * 2 + 2 * 3);
    for (const key of objects.keys()) {
      const store = await copyOf((copy) => copy.tamper(key, harms[harm]!));
      const outcome = await tryRestore(store);
      const wanted = expected(key, harm);
      if ('error' in outcome) {
        expect([key, 'fails']).toEqual([key, wanted]);
        const unfinished =
          harm === 'missing' && key.endsWith('.checksum') && key.includes('_00000000000000000031');
        expect(outcome.error.code).toBe(unfinished ? 'TARGET_BEYOND_ARCHIVE' : 'SEGMENT_CORRUPT');
        if (!unfinished) expect(outcome.error.message).toContain(/segment_\d+/.exec(key)![0]);
        expect(outcome.error.facts.hint).toBeTruthy();
      } else {
        expect([key, wanted]).toEqual([key, wanted === 'fails' ? 'restored' : wanted]);
        if (wanted === 'around') expect(outcome.passedOver).toEqual([snapshotIds[1]]);
      }
      const report = await verifyTenant({ store, clock, rng, tenantId, level: 'checksums' });
      const isNote = report.notes.length > 0;
      expect([key, report.ok && !isNote]).toEqual([key, false]);
    }
  }, 120_000);
});

describe('what stands in a wrong place', () => {
  it("is reported where its name is nobody's, and otherwise changes nothing", async () => {
    const names = [`archive/${tenantId}/readme.txt`, `snapshots/${tenantId}/snap_x/canonical.db`];
    const store = await copyOf(async (copy) => {
      for (const name of names) await copy.create(name, Buffer.from('x'));
    });
    expect(await tryRestore(store)).toEqual({ passedOver: [] });
    const report = await verifyTenant({ store, clock, rng, tenantId, level: 'present' });
    expect(report.ok).toBe(false);
    expect(report.findings.map(({ object }) => object).sort()).toEqual(names);
  });

  it("is not taken for a manifest when it is another snapshot's, another tenant's, or of a later format", async () => {
    const name = `snapshots/${tenantId}/${snapshotIds[1]}/manifest.json`;
    const other = objects.get(`snapshots/${tenantId}/${snapshotIds[0]}/manifest.json`)!;
    const text = Buffer.from(objects.get(name)!).toString();
    const newer = Buffer.from(
      text.replace('"format": 1', '"format": 2').replace(/"check": "..../, '"check": "0000'),
    );
    for (const [bytes, code] of [
      [other, 'SNAPSHOT_CORRUPT'],
      [Buffer.from(text.replaceAll(tenantId, 'other')), 'SNAPSHOT_CORRUPT'],
      [newer, 'UNKNOWN_FORMAT'],
    ] as const) {
      const store = await copyOf((copy) => copy.tamper(name, () => bytes));
      expect(await tryRestore(store)).toEqual({ passedOver: [snapshotIds[1]] });
      const report = await verifyTenant({ store, clock, rng, tenantId, level: 'present' });
      expect(report.findings.map((finding) => finding.code)).toEqual([code]);
    }
  });

  it('is led around when a manifest that is sound in itself speaks of other files', async () => {
    const name = `snapshots/${tenantId}/${snapshotIds[1]}/manifest.json`;
    const manifest = parseManifest(objects.get(name)!, name);
    for (const lie of [
      { digests: { ...manifest.digests, canonical: 'e'.repeat(64) } },
      { sequence: manifest.sequence - 1 },
      { position: { ...manifest.position, offset: manifest.position.offset + 1 } },
      { epoch: 2 },
    ]) {
      const bytes = Buffer.from(encodeManifest({ ...manifest, ...lie }));
      const store = await copyOf((copy) => copy.tamper(name, () => bytes));
      const outcome = await tryRestore(store);
      expect([lie, outcome]).toEqual([lie, { passedOver: [snapshotIds[1]] }]);
    }
  });

  it('stops at a segment of a later format', async () => {
    const name = [...objects.keys()].find((key) => key.includes('_00000000000000000021.checksum'))!;
    const text = Buffer.from(objects.get(name)!).toString();
    const newer = text
      .replace('"format": 1', '"format": 2')
      .replace(/"check": "..../, '"check": "0000');
    const store = await copyOf((copy) => copy.tamper(name, () => Buffer.from(newer)));
    const outcome = await tryRestore(store);
    expect('error' in outcome && outcome.error.code).toBe('UNKNOWN_FORMAT');
  });

  it('names the gap when a whole segment is gone', async () => {
    const gone = [...objects.keys()].filter((key) => key.includes('_00000000000000000021.'));
    const store = await copyOf((copy) => copy.remove(gone));
    const outcome = await tryRestore(store);
    expect('error' in outcome && outcome.error.code).toBe('ARCHIVE_BROKEN');
    const target = { kind: 'sequence', sequence: 25, inclusive: true } as const;
    const outputDir = join(folder.path, 'gap');
    await expect(
      restoreTenant({ store, clock, rng, tenantId, target, outputDir }),
    ).rejects.toMatchObject({ code: 'TARGET_IN_GAP' });
    const report = await verifyTenant({ store, clock, rng, tenantId, level: 'present' });
    expect(report.findings.map(({ code }) => code)).toEqual(['ARCHIVE_BROKEN']);
    expect(report.windows.map(({ first, last }) => [first.sequence, last.sequence])).toEqual([
      [1, 20],
    ]);
  });

  it('is found by a trial restore alone when a snapshot holds other rows than the archive leads to', async () => {
    const report = await verifyTenant({ store: sound, clock, rng, tenantId, level: 'restore' });
    expect(report).toMatchObject({
      ok: true,
      restored: { records: 40, digests: truth.digests[40] },
    });
    const published = new Map([[30, { canonical: 'f'.repeat(64), mailbox: '' }]]);
    const doubted = await verifyTenant({
      store: sound,
      clock,
      rng,
      tenantId,
      level: 'restore',
      published,
    });
    expect(doubted.findings.map(({ code }) => code)).toEqual(['RESTORE_DIGEST_MISMATCH']);
  });
});
