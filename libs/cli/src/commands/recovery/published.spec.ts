/** What appliers published against what the archive leads to, as processes, on an embedded log: agreed, contradicted, disagreed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeStatusRecord } from '@entdb/contracts';
import { createDirectoryStore } from '@entdb/object-store';
import { createEmbeddedWal, statusTopic, walTopic } from '@entdb/wal';
import { archiveIn, runEntdb } from './testing/archive.ts';

// Each case is a process or several, and a machine may have other work.
jest.setTimeout(300_000);

let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'entdb-published-'));
  const store = createDirectoryStore({ directory: join(dir, 'objects') });
  for (const tenant of ['agreed', 'contradicted', 'disagreed'])
    await archiveIn(store, tenant, Date.now() - 60_000).grow(4);
  await store.close();
  expect(entdb('topics', 'create')).toMatchObject({ status: 0 });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const entdb = (...args: string[]) => runEntdb(args, { ENTDB_DATA_DIR: dir });

/** The digests of a tenant after record 3, as a restore finds them. */
function digestsOf(tenant: string): { canonical: string; mailbox: string } {
  const words = ['--tenant-id', tenant, '--target-sequence', '3', '--archive-only', '--json'];
  const { stdout } = entdb('restore', ...words, '--output-dir', join(dir, 'truth'));
  return (JSON.parse(stdout) as { digests: { canonical: string; mailbox: string } }).digests;
}

async function publish(
  instance: string,
  tenantId: string,
  digests: { readonly canonical: string; readonly mailbox: string },
): Promise<void> {
  const wal = createEmbeddedWal({ directory: join(dir, 'log') });
  const lane = await wal.openLane(statusTopic, 0);
  const value = encodeStatusRecord({
    $typeName: 'entdb.v1.StatusRecord',
    service: 'applier',
    instance,
    atUs: 0n,
    status: {
      case: 'checkpoint',
      value: {
        $typeName: 'entdb.v1.CheckpointStatus',
        digests: [
          {
            $typeName: 'entdb.v1.TenantDigests',
            tenantId,
            position: {
              $typeName: 'entdb.v1.Position',
              topic: walTopic,
              partition: 0,
              offset: 30n,
              epoch: 1n,
            },
            sequence: 3n,
            canonicalDigest: digests.canonical,
            mailboxDigest: digests.mailbox,
          },
        ],
      },
    },
  });
  await lane.append([{ key: instance, value }]);
  await lane.close();
  await wal.close();
}

const verify = (tenant: string) => entdb('verify', '--tenant-id', tenant, '--level', 'restore');

it('says how many published digests a trial restore was compared with', async () => {
  const truth = digestsOf('agreed');
  await publish('applier-0', 'agreed', truth);
  await publish('applier-1', 'agreed', truth);
  const { status, stdout, stderr } = verify('agreed');
  expect({ status, stderr: stderr.includes('agreed: compared with 1 of 1 digests') }).toEqual({
    status: 0,
    stderr: true,
  });
  expect(stdout).toContain('; 1 published digests compared');
});

it('finds appliers that contradict each other', async () => {
  const truth = digestsOf('contradicted');
  await publish('applier-0', 'contradicted', truth);
  await publish('applier-1', 'contradicted', { ...truth, canonical: 'f'.repeat(64) });
  const { status, stdout } = verify('contradicted');
  expect(status).toBe(4);
  expect(stdout).toContain(
    'STORE_CORRUPT: entdb-status: appliers have different files after record 3: applier-0 at',
  );
});

it('finds an applier that has other content than the archive leads to, and restores without it if told to', async () => {
  await publish('applier-0', 'disagreed', { canonical: 'e'.repeat(64), mailbox: '0'.repeat(64) });
  const found = verify('disagreed');
  expect(found).toMatchObject({
    status: 4,
    stdout: expect.stringContaining('disagreed: RESTORE_DIGEST_MISMATCH: '),
  });
  const restore = ['restore', '--tenant-id', 'disagreed', '--target-sequence', '4'];
  expect(entdb(...restore, '--output-dir', join(dir, 'asked'))).toMatchObject({
    status: 4,
    stderr: expect.stringContaining('after record 3 at offset 30 the digests are'),
  });
  const unasked = entdb(...restore, '--archive-only', '--output-dir', join(dir, 'unasked'));
  expect(unasked).toMatchObject({ status: 0 });
});
