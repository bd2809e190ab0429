/** What a schedule runs, as processes: protect, release, retention, verify by samples. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDirectoryStore } from '@entdb/object-store';
import { archiveIn, runEntdb, type Archive } from './testing/archive.ts';

// Each case is a process or several, and a machine may have other work.
jest.setTimeout(300_000);

const year2020 = Date.UTC(2020, 0, 1);
const names = Array.from({ length: 5 }, (_, i) => `tenant-${i}`);
let dir: string;
let old: Archive;
let snapshots: string[];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'entdb-upkeep-'));
  const store = createDirectoryStore({ directory: join(dir, 'objects') });
  old = archiveIn(store, 'old', year2020);
  snapshots = [];
  for (let i = 0; i < 3; i += 1) {
    await old.grow(2);
    snapshots.push(await old.snapshot());
  }
  for (const name of names) await archiveIn(store, name, Date.now() - 60_000).grow(3);
  await store.close();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const entdb = (...args: string[]) => runEntdb(args, { ENTDB_DATA_DIR: dir });
const json = (...args: string[]) => {
  const { status, stdout } = entdb(...args, '--json');
  return { status, body: JSON.parse(stdout) as Record<string, unknown> };
};
const isThere = (object: string) => existsSync(join(dir, 'objects', object));

describe('entdb retention', () => {
  it('plans what goes, what stays and why, protects what is kept, and removes what was planned', () => {
    const [first, second, third] = snapshots as [string, string, string];
    const of = ['--tenant-id', 'old'];
    const keep = ['restore', 'keep', ...of, '--snapshot-id', first, '--note', 'the audit'];
    expect(json(...keep)).toEqual({
      status: 0,
      body: { tenantId: 'old', snapshotId: first, kept: true, changed: true },
    });
    expect(entdb(...keep)).toMatchObject({
      status: 0,
      stdout: `${first} of old is protected, as it was before\n`,
    });

    const plan = entdb('retention', 'plan', ...of);
    expect(plan.status).toBe(0);
    expect(plan.stdout).toContain(`  goes    ${second}\n`);
    expect(plan.stdout).toContain(`  stays   ${third}: the newest sound snapshot at or before`);
    expect(plan.stdout).toContain(`  stays   ${first}: protected`);
    expect(plan.stdout).toContain('the archiver finds in it where to go on');
    expect(isThere(old.segments[0]!.segment)).toBe(true);

    expect(json('retention', 'plan', '--tenant-id', 'tenant-0')).toMatchObject({
      status: 0,
      body: { objects: 0, results: [{ plan: { base: null }, stays: [{ what: 'everything' }] }] },
    });

    const applied = json('retention', 'apply', '--all');
    expect(applied).toMatchObject({ status: 0, body: { mode: 'apply', tenants: 6 } });
    expect(old.segments.map(({ segment }) => isThere(segment))).toEqual([false, false, true]);
    expect(readdirSync(join(dir, 'objects/snapshots/old')).toSorted()).toEqual([first, third]);
    const left = entdb('verify', '--tenant-id', 'old', '--level', 'restore');
    expect(left).toMatchObject({ status: 0, stdout: expect.stringContaining('findings 0') });

    const release = ['restore', 'release', ...of, '--snapshot-id', first];
    expect(json(...release)).toMatchObject({ status: 0, body: { kept: false, changed: true } });
    expect(entdb('retention', 'apply', ...of)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(`  gone    ${first}\n`),
    });
  });

  it.each([
    [3, 'SNAPSHOT_NOT_FOUND', ['restore', 'keep'], '2019-01-01T00:00:00.000Z'],
    [3, 'SNAPSHOT_NOT_FOUND', ['restore', 'release'], '2019-01-01T00:00:00.000Z'],
  ])('ends with %i, %s for %p of a snapshot that is not there', (status, code, words, time) => {
    const id = ['--tenant-id', 'tenant-0', '--snapshot-id', `snap_${time}`];
    expect(json(...words, ...id)).toMatchObject({ status, body: { error: { code } } });
    expect(existsSync(join(dir, 'objects/keeps/tenant-0'))).toBe(false);
  });

  it.each([
    [2, ['retention', 'plan']],
    [2, ['retention', 'apply', '--all', '--retention-days', '0']],
    [3, ['retention', 'plan', '--tenant-id', 'nobody']],
    [2, ['verify', '--all', '--sample', '0%']],
  ])('ends with %i: %p', (status, words) => {
    expect(entdb(...words)).toMatchObject({ status });
  });
});

describe('entdb verify', () => {
  it('draws a sample by its seed, says the cost beforehand, and looks at those alone', () => {
    const words = ['verify', '--all', '--sample', '40%', '--seed', 'a', '--level', 'restore'];
    const planned = json(...words, '--dry-run');
    expect(planned).toMatchObject({ status: 0, body: { of: 6, sample: '40%', seed: 'a' } });
    const drawn = planned.body['tenantIds'] as readonly string[];
    expect(drawn).toHaveLength(3);

    const done = json(...words);
    expect(done).toMatchObject({
      status: 0,
      body: { tenants: 3, findings: 0, tenantIds: drawn, cost: planned.body['cost'] },
    });
    const reports = done.body['reports'] as readonly { tenantId: string; restored: unknown }[];
    expect(reports.map(({ tenantId }) => tenantId)).toEqual(drawn);
    expect(reports.every(({ restored }) => restored !== null)).toBe(true);

    const other = json('verify', '--all', '--sample', '3', '--seed', 'b', '--dry-run');
    expect(other.body['tenantIds']).not.toEqual(drawn);
    const said = entdb('verify', '--all', '--sample', '1');
    expect(said.stderr).toMatch(
      /^verify present: tenants 1 of 6 \(sample 1, seed \d{4}-\d\d-\d\d\): /,
    );
    expect(said.stdout).toMatch(/^verify present: tenants 1, sound 1, damaged 0, findings 0;/);
  });
});

it('restores several tenants at once, tells of each, and ends with the worst', () => {
  const many = names.flatMap((name) => ['--tenant-id', name]);
  const words = ['restore', ...many, '--tenant-id', 'nobody', '--target-sequence', '2'];
  const out = join(dir, 'out');
  const { status, stdout, stderr } = entdb(
    ...words,
    '--parallel',
    '3',
    '--output-dir',
    out,
    '--json',
  );
  expect({
    status,
    summary: stderr.includes('restored 5 of 6 tenants, failed 1, not begun 0'),
  }).toEqual({
    status: 3,
    summary: true,
  });
  const reports = JSON.parse(stdout) as readonly { tenantId: string; records?: number }[];
  expect(reports.map(({ tenantId, records }) => [tenantId, records])).toEqual([
    ...names.map((name) => [name, 2]),
    ['nobody', undefined],
  ]);
  expect(readdirSync(out).toSorted()).toEqual(names);
});

it('goes on from the files that are there where they are proven, and says how much it saved', () => {
  const where = ['restore', '--tenant-id', 'tenant-1', '--output-dir', join(dir, 'delta')];
  expect(entdb(...where, '--target-sequence', '2')).toMatchObject({ status: 0 });
  const words = [...where, '--target-sequence', '3', '--delta'];
  expect(entdb(...words)).toMatchObject({ status: 2, stderr: expect.stringContaining('--force') });
  const { status, stdout } = entdb(...words, '--force');
  expect({ status, reused: /^ {2}reused .*$/m.test(stdout) }).toEqual({ status: 0, reused: true });
  expect(stdout).toContain('  sequence     3\n');
});
