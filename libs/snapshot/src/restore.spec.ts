/**
 * Method: one log of 200 records (seed printed on failure by its name), an applier's state after each of them as the oracle, and an archive with three
 * snapshots. Whatever is restored must have the oracle's digest and rows at that point.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isEntError } from '@entdb/base';
import { createDirectoryStore, createMemoryStore, type ObjectStore } from '@entdb/object-store';
import { openTenantWriter } from '@entdb/tenant-store';
import type { RestoreReport } from './report.ts';
import { restoreTenant, type RestoreRequest } from './restore.ts';
import { makeSnapshot } from './snapshot.ts';
import type { RestoreTarget } from './target.ts';
import { baseTimeMs, randomLog, seeded, tenantId } from './testing/records.ts';
import {
  allObjects,
  archive,
  rng,
  rowsOf,
  scratchFolder,
  testClock,
  truthOf,
} from './testing/world.ts';

const seed = 20_261_123;
const log = randomLog(200, seed);
const truth = truthOf(log);
const clock = testClock();
const folder = scratchFolder();
afterAll(() => folder.remove());

/** Archive and snapshots after records 60, 125 and 180, the archive going on to 200. */
async function fill(store: ObjectStore, cache: string): Promise<void> {
  const random = seeded(7);
  const cut = () => 5 + random(15);
  let last;
  let from = 0;
  for (const to of [60, 125, 180, 200]) {
    const made = await archive(store, log.slice(from, to), cut, last);
    last = made.at(-1);
    from = to;
    if (to < 200) await makeSnapshot({ store, tenantId, cacheDir: cache });
  }
}

const memory = createMemoryStore();
const directory = createDirectoryStore({ directory: join(folder.path, 'objects') });
beforeAll(async () => {
  await fill(memory, join(folder.path, 'cache-memory'));
  await fill(directory, join(folder.path, 'cache-directory'));
});

let runs = 0;
async function restore(
  store: ObjectStore,
  target: RestoreTarget,
  more: Partial<RestoreRequest> = {},
): Promise<{ readonly report: RestoreReport; readonly dir: string }> {
  const outputDir = join(folder.path, `out-${runs++}`);
  const report = await restoreTenant({ store, clock, rng, tenantId, target, outputDir, ...more });
  return { report, dir: join(outputDir, tenantId) };
}

function expectTruth(sequence: number, { report, dir }: Awaited<ReturnType<typeof restore>>): void {
  expect(report.reached).toEqual(truth.points[sequence]);
  expect(report.digests).toEqual(truth.digests[sequence]);
  expect(readdirSync(dir).sort()).toEqual(['canonical.db', 'mailbox.db', 'report.json']);
  expect(rowsOf(dir)).toBe(truth.rows[sequence]);
  expect(readdirSync(join(dir, '..'))).toEqual([tenantId]);
}

const seq = (sequence: number): RestoreTarget => ({ kind: 'sequence', sequence, inclusive: true });

describe('a restore', () => {
  it('equals the prefix at every record, from a snapshot and from scratch', async () => {
    const bases = new Set<string>();
    for (let n = 1; n <= 200; n++) {
      const best = await restore(memory, seq(n));
      bases.add(best.report.plan.base.kind === 'snapshot' ? best.report.plan.base.id : 'scratch');
      expectTruth(n, best);
      if (n % 8 === 0) expectTruth(n, await restore(memory, seq(n), { from: { kind: 'scratch' } }));
    }
    expect(bases.size).toBe(4);
  }, 300_000);

  it('equals the prefix of log time, at random times and at every stamp and its neighbours', async () => {
    const random = seeded(99);
    const stamps = [...new Set(truth.points.slice(1).map(({ timeMs }) => timeMs))];
    const last = stamps.at(-1)!;
    const times = [
      ...stamps.filter((_, i) => i % 12 === 0).flatMap((ms) => [ms - 1, ms, ms + 1]),
      ...Array.from({ length: 25 }, () => baseTimeMs + random(last - baseTimeMs)),
    ];
    for (const timeMs of times) {
      for (const inclusive of [true, false]) {
        const prefix = truth.points.filter(
          (point) =>
            point.sequence > 0 && (inclusive ? point.timeMs <= timeMs : point.timeMs < timeMs),
        ).length;
        const target = { kind: 'time', timeMs, inclusive } as const;
        if (timeMs >= last && (inclusive || timeMs > last)) {
          await expect(restore(memory, target)).rejects.toMatchObject({
            code: 'TARGET_BEYOND_ARCHIVE',
          });
        } else if (prefix === 0) {
          await expect(restore(memory, target)).rejects.toMatchObject({
            code: 'TARGET_BEFORE_FIRST',
          });
        } else {
          const { report } = await restore(memory, target);
          expect([timeMs, inclusive, report.reached]).toEqual([
            timeMs,
            inclusive,
            truth.points[prefix],
          ]);
          expect(report.digests).toEqual(truth.digests[prefix]);
        }
      }
    }
  }, 120_000);

  it.each([
    ['memory', memory],
    ['a directory', directory],
  ])(
    'reaches positions and keys, inclusive and exclusive, on %s',
    async (_, store) => {
      for (const n of [1, 2, 61, 62, 126, 199]) {
        const { offset } = truth.points[n]!;
        expectTruth(n, await restore(store, { kind: 'position', offset, inclusive: true }));
        const { key } = log[n - 1]!;
        const first = log.findIndex((record) => record.key === key) + 1;
        expectTruth(first, await restore(store, { kind: 'key', key, inclusive: true }));
        if (n === 1) continue;
        expectTruth(n - 1, await restore(store, { kind: 'position', offset, inclusive: false }));
        if (first > 1)
          expectTruth(first - 1, await restore(store, { kind: 'key', key, inclusive: false }));
      }
      const { report } = await restore(store, { kind: 'latest' });
      expect(report.records).toBe(200);
      expect(report.complete).toBe(false); // the log was not asked
    },
    60_000,
  );

  it('takes an offset of another tenant as a cut between two of its own', async () => {
    const n = truth.points.findIndex(
      (point, i) => i > 10 && truth.points[i + 1]!.offset > point.offset + 1,
    );
    const offset = truth.points[n]!.offset + 1;
    expectTruth(n, await restore(memory, { kind: 'position', offset, inclusive: true }));
  });

  it('gives a snapshot as it is, and goes on from a folder', async () => {
    const id = snapshotIds(memory)[1]!;
    const asked = await restore(memory, { kind: 'snapshot', id });
    expectTruth(125, asked);
    const writer = openTenantWriter({ dir: asked.dir, tenantId, create: false });
    writer.scrub();
    writer.close();
    const outputDir = join(asked.dir, '..');
    const at = truth.points[125]!;
    const report = await restoreTenant({
      store: memory,
      clock,
      rng,
      tenantId,
      outputDir,
      target: seq(150),
      from: { kind: 'folder', at },
    });
    expectTruth(150, { report, dir: asked.dir });
  });

  it('refuses a folder that is not empty, and replaces it when told to', async () => {
    const first = await restore(memory, seq(10));
    const outputDir = join(first.dir, '..');
    writeFileSync(join(first.dir, 'canonical.db-wal'), 'of an earlier file');
    await expect(
      restoreTenant({ store: memory, clock, rng, tenantId, outputDir, target: seq(20) }),
    ).rejects.toMatchObject({ code: 'OUTPUT_NOT_EMPTY' });
    expect(readFileSync(join(first.dir, 'canonical.db-wal'), 'utf8')).toBe('of an earlier file');
    const report = await restoreTenant({
      store: memory,
      clock,
      rng,
      tenantId,
      outputDir,
      target: seq(20),
      force: true,
    });
    expectTruth(20, { report, dir: first.dir });
  });

  it('never touches a folder that a running applier owns, forced or not', async () => {
    const volume = join(folder.path, 'volume');
    const outputDir = join(volume, 'tenants');
    mkdirSync(join(outputDir, tenantId), { recursive: true });
    const applier = await openElsewhere(join(volume, 'shard.db'));
    const steps: string[] = [];
    const again = () =>
      restoreTenant({
        store: memory,
        clock,
        rng,
        tenantId,
        outputDir,
        target: seq(20),
        force: true,
        onProgress: ({ step }) => steps.push(step),
      });
    try {
      await expect(again()).rejects.toMatchObject({ code: 'OUTPUT_IN_USE' });
      expect(readdirSync(outputDir)).toEqual([tenantId]);
      expect(steps).toEqual([]);
    } finally {
      await applier.kill();
    }
    expectTruth(20, { report: await again(), dir: join(outputDir, tenantId) });
  });

  it('leaves no lease behind', async () => {
    await restore(memory, seq(5));
    expect((await allObjects(memory)).filter((key) => key.startsWith('leases/'))).toEqual([]);
  });
});

describe('bad input', () => {
  const cases: readonly (readonly [string, RestoreTarget, Partial<RestoreRequest>, string])[] = [
    ['another tenant', { kind: 'latest' }, { tenantId: 'nobody' }, 'NOTHING_ARCHIVED'],
    ['another bucket', { kind: 'latest' }, { store: createMemoryStore() }, 'NOTHING_ARCHIVED'],
    [
      'an unknown snapshot',
      { kind: 'snapshot', id: 'snap_2020-01-01T00:00:00.000Z' },
      {},
      'SNAPSHOT_NOT_FOUND',
    ],
    [
      'a time before the first record',
      { kind: 'time', timeMs: baseTimeMs - 86_400_000, inclusive: true },
      {},
      'TARGET_BEFORE_FIRST',
    ],
    [
      'a time to come',
      { kind: 'time', timeMs: clock.now() + 1, inclusive: true },
      {},
      'TARGET_IN_FUTURE',
    ],
    [
      'a time after the archive',
      { kind: 'time', timeMs: clock.now(), inclusive: true },
      {},
      'TARGET_BEYOND_ARCHIVE',
    ],
    ['a record after the archive', seq(201), {}, 'TARGET_BEYOND_ARCHIVE'],
    ['record 0', seq(0), {}, 'TARGET_BEFORE_FIRST'],
    [
      'a key that nobody has',
      { kind: 'key', key: 'no such key', inclusive: true },
      {},
      'TARGET_NOT_FOUND',
    ],
    ['half a record', seq(1.5), {}, 'INVALID_TARGET'],
    [
      'a target before the named snapshot',
      seq(3),
      { from: { kind: 'snapshot', id: 'newest' } },
      'INVALID_TARGET',
    ],
  ];
  it.each(cases)('%s', async (_, target, more, code) => {
    const from =
      more.from?.kind === 'snapshot'
        ? { from: { kind: 'snapshot' as const, id: snapshotIds(memory).at(-1)! } }
        : {};
    const outputDir = join(folder.path, `bad-${runs++}`);
    const error = await restoreTenant({
      store: memory,
      clock,
      rng,
      tenantId,
      target,
      outputDir,
      ...more,
      ...from,
    }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(isEntError(error) && error.code).toBe(code);
    expect(isEntError(error) && error.facts.hint).toBeTruthy();
    expect(existsSync(outputDir) ? readdirSync(outputDir) : []).toEqual([]);
  });
});

const known = new Map<ObjectStore, readonly string[]>();
beforeAll(async () => {
  for (const store of [memory, directory]) {
    const names = (await allObjects(store)).filter((key) => key.endsWith('manifest.json'));
    known.set(
      store,
      names.map((key) => key.split('/')[2]!),
    );
  }
});
function snapshotIds(store: ObjectStore): readonly string[] {
  return known.get(store)!;
}

/** A process that has a database open and does nothing, as an idle applier has. */
async function openElsewhere(path: string): Promise<{ kill(): Promise<void> }> {
  const program = `
    const { DatabaseSync } = require('node:sqlite');
    globalThis.db = new DatabaseSync(${JSON.stringify(path)});
    db.exec('PRAGMA journal_mode = WAL; CREATE TABLE shard (id INTEGER)');
    db.prepare('SELECT * FROM shard').all();
    console.log('open');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return {
    kill: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}
