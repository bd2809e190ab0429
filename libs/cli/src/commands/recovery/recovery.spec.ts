/** The recovery commands as a process, on an archive of three records in a folder and no log: words, files and exit codes. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checksumNameOf, encodeChecksum, encodeSegment, firstLink } from '@entdb/archive-format';
import { partitionOf } from '@entdb/base';
import { encodeWalRecord } from '@entdb/contracts';
import { createDirectoryStore } from '@entdb/object-store';

// Each case is a process or several, and a machine may have other work.
jest.setTimeout(300_000);

const tenantId = 'tenant_123';
const main = join(__dirname, '../../main.ts');
let dir: string;
let segment: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'entdb-recovery-'));
  const partition = partitionOf(tenantId, 8);
  const link = firstLink({ tenantId, topic: 'entdb-wal', partition });
  const records = [10, 20, 30].map((offset, i) => ({
    partition,
    offset,
    timeMs: 1_790_000_000_000 + offset,
    sequence: i + 1,
    value: encodeWalRecord({
      $typeName: 'entdb.v1.WalRecord',
      tenantId,
      idempotencyKey: `key-${i}`,
      requestHash: new Uint8Array(32),
      actor: '',
      schemaFingerprint: '',
      autoCreate: true,
      body: { case: 'tenantCreated', value: { $typeName: 'entdb.v1.TenantCreated' } },
    }),
  }));
  const { name, bytes, checksum } = await encodeSegment(link, records);
  const store = createDirectoryStore({ directory: join(dir, 'objects') });
  await store.create(name, bytes);
  await store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
  await store.close();
  segment = join(dir, 'objects', name);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function entdb(...args: string[]) {
  const env = { PATH: process.env['PATH'], ENTDB_DATA_DIR: dir };
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    env,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const out = (name: string) => join(dir, name);

it('goes the way of the specification: snapshot, list, restore it, replay, and any point in time', () => {
  const made = entdb('snapshot', '--tenant-id', tenantId);
  expect(made).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('position 30, record 3'),
  });
  const id = /^snap_\S+(?=:)/.exec(made.stdout)![0];
  const list = entdb('restore', 'list-snapshots', '--tenant-id', tenantId);
  expect(list).toMatchObject({ status: 0, stdout: expect.stringContaining(`${id}  30 `) });

  const where = ['--tenant-id', tenantId, '--output-dir', out('a')];
  expect(entdb('restore', 'from-snapshot', ...where, '--snapshot-id', id)).toMatchObject({
    status: 0,
  });
  const files = ['canonical.db', 'mailbox.db', 'report.json'];
  const replay = ['replay-archive', '--tenant-id', tenantId, '--data-dir', out('a')];
  expect(entdb('restore', ...replay, '--from-position', '31')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('replay from position 30'),
  });
  expect(readdirSync(join(out('a'), tenantId)).toSorted()).toEqual(files); // no -wal, no -shm
  const from30 = ['--archive-only', '--accept-incomplete', '--from-position', '30'];
  expect(entdb('restore', ...replay, ...from30)).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('sequence     3'),
  });

  const time = new Date(1_790_000_000_020).toISOString();
  const pitr = entdb(
    'restore',
    '--tenant-id',
    tenantId,
    '--target-time',
    time,
    '--output-dir',
    out('b'),
    '--json',
  );
  expect(pitr.status).toBe(0);
  const report = JSON.parse(pitr.stdout) as object;
  expect(report).toMatchObject({
    reached: { sequence: 2, offset: 20 },
    records: 2,
    complete: true,
  });
  expect(JSON.parse(readFileSync(join(out('b'), tenantId, 'report.json'), 'utf8'))).toEqual(report);
  expect(readdirSync(join(out('b'), tenantId)).toSorted()).toEqual(files);
});

it('says with 5 that the archive may not be all, unless that is accepted', () => {
  const latest = ['restore', '--tenant-id', tenantId, '--latest'];
  const doubtful = entdb(...latest, '--output-dir', out('c'));
  expect(doubtful).toMatchObject({
    status: 5,
    stdout: expect.stringContaining('doubt'),
    stderr: expect.stringContaining('--accept-incomplete'),
  });
  const archiveOnly = [...latest, '--archive-only', '--output-dir'];
  expect(entdb(...archiveOnly, out('d'))).toMatchObject({ status: 5 });
  expect(entdb(...archiveOnly, out('d2'), '--accept-incomplete')).toMatchObject({ status: 0 });
});

it.each([
  [2, 'required option', ['restore', '--latest']],
  [2, 'no target is named', ['restore', '--tenant-id', tenantId, '--output-dir', 'X']],
  [
    2,
    'ISO time with a zone',
    ['restore', 'plan', '--tenant-id', tenantId, '--target-time', '2026-01-15T14:30:00'],
  ],
  [2, 'either --tenant-id or --all', ['verify']],
  [2, 'Allowed choices', ['verify', '--all', '--level', 'deep']],
  [3, 'NOTHING_ARCHIVED', ['restore', 'list-snapshots', '--tenant-id', 'nobody']],
  [
    3,
    'TARGET_BEFORE_FIRST',
    ['restore', 'plan', '--tenant-id', tenantId, '--target-position', '9'],
  ],
  [3, 'TARGET_NOT_FOUND', ['restore', 'plan', '--tenant-id', tenantId, '--target-key', 'none']],
  [3, 'nothing to verify', ['verify', '--tenant-id', 'nobody']],
])('ends with %i and says "%s"', (status, words, args) => {
  expect(entdb(...args)).toMatchObject({ status, stderr: expect.stringContaining(words) });
});

it('tells damage with 4, and gives nothing out', () => {
  expect(entdb('verify', '--all', '--level', 'restore')).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('tenants 1, sound 1, damaged 0, findings 0'),
  });
  const bytes = readFileSync(segment);
  bytes[40] = bytes[40]! ^ 1;
  rmSync(segment);
  writeFileSync(segment, bytes);
  expect(entdb('verify', '--all')).toMatchObject({ status: 0 }); // presence does not see it
  expect(entdb('verify', '--all', '--level', 'checksums')).toMatchObject({
    status: 4,
    stdout: expect.stringContaining('SEGMENT_CORRUPT'),
  });
  const target = ['--target-sequence', '2', '--output-dir', out('e')];
  expect(entdb('restore', '--tenant-id', tenantId, ...target)).toMatchObject({
    status: 4,
    stderr: expect.stringContaining('SEGMENT_CORRUPT'),
  });
  expect(existsSync(join(out('e'), tenantId))).toBe(false);
});
