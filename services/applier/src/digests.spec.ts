/** Method: the loop on a log in memory and real files; the digests that are told are held against those that the files keep beside each verdict. */
import { decodeStatusRecord, type TenantDigests } from '@entdb/contracts';
import { tenantDir, tenantFacts } from '@entdb/tenant-store';
import { statusTopic, type AppendRecord } from '@entdb/wal';
import { createDigestTeller } from './digests.ts';
import { recordOf } from './testing/records.ts';
import { createVolume, type TestVolume, type TestVolumeOptions } from './testing/volume.ts';

const open: TestVolume[] = [];
afterEach(async () => {
  for (const volume of open.splice(0)) await volume.close();
});

async function setUp(options: TestVolumeOptions = {}, tenantsMax = 10) {
  const changed: string[] = [];
  const volume = await createVolume({ ...options, onTouched: (id) => void changed.push(id) });
  open.push(volume);
  let now = 1_000;
  const told: AppendRecord[] = [];
  const teller = createDigestTeller({
    instance: 'applier-0',
    writer: volume.writer,
    publisher: {
      publish: (topic, partition, record) => {
        expect([topic, partition]).toEqual([statusTopic, 0]);
        told.push(record);
      },
    },
    clock: { now: () => now, monotonic: () => now, sleep: async () => {} },
    intervalMs: 1_000,
    tenantsMax,
  });
  volume.run();
  const write = async (...records: readonly AppendRecord[]) => {
    await volume.append(records);
    await volume.applied();
    for (const tenantId of changed.splice(0)) teller.changed(tenantId);
  };
  /** What one tick said. */
  const tick = async (ms = 0): Promise<readonly TenantDigests[]> => {
    now += ms;
    await teller.tell();
    return told.splice(0).flatMap(({ key, value }) => {
      const { status } = decodeStatusRecord(key, value);
      return status.case === 'checkpoint' ? status.value.digests : [];
    });
  };
  const sequences = async (ms = 0) =>
    (await tick(ms)).map(({ tenantId, sequence }) => `${tenantId} ${sequence}`);
  return { volume, write, tick, sequences };
}

it('are those of the files after the record that is named, of both files', async () => {
  const { volume, write, tick } = await setUp();
  await write(recordOf('acme', 0), recordOf('other', 0), recordOf('acme', 1));
  const said = await tick();
  expect(said).toHaveLength(2);
  for (const { tenantId, position, sequence, canonicalDigest, mailboxDigest } of said) {
    const facts = tenantFacts(tenantDir(volume.dir, tenantId), tenantId);
    expect({
      offset: Number(position?.offset),
      epoch: Number(position?.epoch),
      sequence: Number(sequence),
      canonical: canonicalDigest,
      mailbox: mailboxDigest,
    }).toEqual({
      offset: facts.position.offset,
      epoch: facts.position.epoch,
      sequence: facts.position.sequence,
      ...facts.digests,
    });
  }
});

it('are told of a tenant that changed, and not more often than its interval', async () => {
  const { write, sequences } = await setUp();
  await write(recordOf('acme', 0));
  expect(await sequences()).toEqual(['acme 1']);
  await write(recordOf('acme', 1), recordOf('other', 0));
  expect(await sequences(999)).toEqual(['other 1']);
  await write(recordOf('acme', 2));
  expect(await sequences(1)).toEqual(['acme 3']);
  expect(await sequences(1_000)).toEqual([]);
});

it('are told of so many tenants at a time, in turn', async () => {
  const { write, sequences } = await setUp({}, 2);
  await write(...['a', 'b', 'c', 'd', 'e'].map((id) => recordOf(id, 0)));
  expect(await sequences()).toEqual(['a 1', 'b 1']);
  await write(recordOf('a', 1));
  expect(await sequences(1_000)).toEqual(['c 1', 'd 1']);
  expect(await sequences()).toEqual(['e 1', 'a 2']);
});

it('are told of a tenant whose files were let go meanwhile', async () => {
  const { volume, write, tick } = await setUp({ openTenantsMax: 1 });
  await write(recordOf('acme', 0), recordOf('other', 0), recordOf('third', 0));
  const said = await tick();
  expect(said.map(({ tenantId }) => tenantId).sort()).toEqual(['acme', 'other', 'third']);
  for (const { tenantId, canonicalDigest } of said)
    expect(canonicalDigest).toBe(
      tenantFacts(tenantDir(volume.dir, tenantId), tenantId).digests.canonical,
    );
});
