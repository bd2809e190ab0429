/** Method: the loop on a log in memory and real files; what stands between may be told to fail or to wait. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EntError } from '@entdb/base';
import { createMemoryWal, walTopic } from '@entdb/wal';
import type { ApplierOptions } from './applier.ts';
import { recordOf } from './testing/records.ts';
import {
  createVolume,
  partition,
  type TestVolume,
  type TestVolumeOptions,
} from './testing/volume.ts';
import { createTrustedRead } from './trusted-reads.ts';

const open: TestVolume[] = [];
afterEach(async () => {
  for (const volume of open.splice(0)) await volume.close();
});

async function volumeWith(
  options: TestVolumeOptions = {},
  ...wal: [ReturnType<typeof createMemoryWal>?]
): Promise<TestVolume> {
  const volume = await createVolume(options, ...wal);
  open.push(volume);
  return volume;
}

const damage = new EntError('STORE_CORRUPT', 'a row does not match its checksum');
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const active = async (volume: TestVolume, tenantIds: readonly string[]) => {
  for (const tenantId of tenantIds)
    while (volume.tenants.state(tenantId).kind !== 'active')
      await volume.tenants.changed(tenantId, AbortSignal.timeout(20_000));
};
const nodesOf = (volume: TestVolume, tenantId: string) =>
  volume.read(
    tenantId,
    (reader) => reader.getTenant({ $typeName: 'entdb.v1.GetTenantRequest' }).nodeCount,
  );

/** A log whose readings are counted, and may break off. */
function countedLog(breakAfterBatches = Infinity) {
  const readings: number[] = [];
  let breaks = 1;
  const wrapLog = (wal: ReturnType<typeof createMemoryWal>): ApplierOptions['wal'] => ({
    bounds: (topic, at) => wal.bounds(topic, at),
    committed: (...mark) => wal.committed(...mark),
    consume: (wanted) => {
      readings.push(wanted.from.get(partition)!);
      let batches = 0;
      const isCatchUp = readings.length > 1;
      return wal.consume({
        ...wanted,
        onBatch: async (batch) => {
          await wanted.onBatch(batch);
          batches += 1;
          if (isCatchUp && breaks > 0 && batches === breakAfterBatches) {
            breaks -= 1;
            throw new EntError('LOG_UNAVAILABLE', 'the log broke off');
          }
        },
      });
    },
  });
  return { readings, wrapLog };
}

describe('tenants that are behind', () => {
  it('are caught up together: a partition is read once for a hundred of them, while it goes on', async () => {
    const { readings, wrapLog } = countedLog();
    const volume = await volumeWith({ wrapLog });
    const ids = numbers(30).map((n) => `t${n}`);
    await volume.append(ids.map((id) => recordOf(id, 0)));
    volume.run();
    await volume.applied();
    await Promise.all(ids.map((id) => volume.applier.distrust(id, damage)));
    await volume.append(ids.map((id) => recordOf(id, 1)));
    await active(volume, ids);
    await volume.applied();
    expect(new Set(ids.map((id) => nodesOf(volume, id)))).toEqual(new Set([2n]));
    // The first is the loop itself; the first tenant was alone when its pass began.
    expect(readings.length - 1).toBeLessThanOrEqual(3);
  });

  it('are caught up although the log breaks off on the way', async () => {
    const { readings, wrapLog } = countedLog(1);
    const volume = await volumeWith({ wrapLog });
    await volume.append(numbers(2_500).map((n) => recordOf('acme', n))); // three batches
    volume.run();
    await volume.applied();
    await volume.applier.distrust('acme', damage);
    await active(volume, ['acme']);
    expect(nodesOf(volume, 'acme')).toBe(2_500n);
    expect(readings).toEqual([0, 0, 0]);
  });

  it('stand still when the log no longer has what they need, and others are caught up', async () => {
    const volume = await volumeWith();
    await volume.append([recordOf('old', 0), recordOf('young', 0), recordOf('young', 1)]);
    volume.run();
    await volume.applied();
    volume.wal.truncateBefore(walTopic, partition, 1);
    await Promise.all(['old', 'young'].map((id) => volume.applier.distrust(id, damage)));
    await active(volume, ['young']);
    while (volume.tenants.state('old').kind === 'behind')
      await volume.tenants.changed('old', AbortSignal.timeout(20_000));
    expect(volume.tenants.state('old')).toMatchObject({
      kind: 'quarantined',
      code: 'LOG_START_PASSED',
    });
    expect(nodesOf(volume, 'young')).toBe(2n);
  });
});

describe('damage', () => {
  it('that many readers find at once is mended once', async () => {
    const volume = await volumeWith();
    await volume.append(numbers(10).map((n) => recordOf('acme', n)));
    volume.run();
    await volume.applied();
    await Promise.all(numbers(50).map(() => volume.applier.distrust('acme', damage)));
    await active(volume, ['acme']);
    expect(readdirSync(join(volume.dir, 'quarantine'))).toEqual(['acme.1']);
  });

  it('closes the gate before the readers let go of the old files, whatever is committed meanwhile (P5)', async () => {
    const letGo = Promise.withResolvers<void>();
    const volume = await volumeWith({ readers: { forget: () => letGo.promise } });
    await volume.append([recordOf('acme', 0)]);
    volume.run();
    await volume.applied();
    const distrusted = volume.applier.distrust('acme', damage);
    await volume.append([recordOf('acme', 1), recordOf('other', 1)]);
    await volume.applied(); // the position is reached, and a reader still has the old files
    expect(volume.tenants.state('acme').kind).toBe('behind');
    letGo.resolve();
    await distrusted;
    await active(volume, ['acme']);
    expect(nodesOf(volume, 'acme')).toBe(2n);
  });
});

describe('reads that can be relied on', () => {
  const request = { $typeName: 'entdb.v1.GetTenantRequest' } as const;

  it('are refused when the files were given up while they were read', async () => {
    const volume = await volumeWith();
    await volume.append([recordOf('acme', 0)]);
    volume.run();
    await volume.applied();
    const finish = Promise.withResolvers<void>();
    const read = createTrustedRead({
      ...volume,
      readers: {
        read: async (method, tenantId, asked) => {
          const answer = volume.read(tenantId, (reader) =>
            (reader[method] as (r: unknown) => never)(asked),
          );
          await finish.promise;
          return answer;
        },
      },
    });
    const reading = read('getTenant', 'acme', request);
    await volume.applier.distrust('acme', damage);
    finish.resolve();
    await expect(reading).rejects.toMatchObject({ code: 'NOT_CAUGHT_UP' });
    await active(volume, ['acme']);
    expect(await read('getTenant', 'acme', request)).toMatchObject({ nodeCount: 1n });
  });

  it('see at least what was committed when they began: an older file is damage', async () => {
    const volume = await volumeWith();
    await volume.append([recordOf('acme', 0), recordOf('acme', 1)]);
    volume.run();
    await volume.applied();
    let stale = true;
    const read = createTrustedRead({
      ...volume,
      readers: {
        read: async (method, tenantId, asked) => {
          const answer = volume.read(tenantId, (reader) =>
            (reader[method] as (r: unknown) => { position?: { offset: bigint } })(asked),
          );
          if (stale) answer.position = { ...answer.position, offset: 0n };
          return answer as never;
        },
      },
    });
    await expect(read('getTenant', 'acme', request)).rejects.toMatchObject({
      code: 'NOT_CAUGHT_UP',
      facts: { cause: { code: 'STORE_CORRUPT' } },
    });
    stale = false;
    await active(volume, ['acme']);
    expect(await read('getTenant', 'acme', request)).toMatchObject({ nodeCount: 2n });
  });
});

it('asks a disk that refuses again and again, says so, and passes over nothing', async () => {
  let refusals = 2;
  const seen: (string | undefined)[] = [];
  const volume = await volumeWith({
    wrap: (writer) => ({
      call: (method, params, transfer) => {
        if (method !== 'apply' || refusals === 0) return writer.call(method, params, transfer);
        refusals -= 1;
        seen.push(volume.applier.refusal()?.message);
        return Promise.reject(new EntError('STORE_UNAVAILABLE', 'the disk is full'));
      },
    }),
  });
  await volume.append([recordOf('acme', 0)]);
  volume.run();
  await volume.applied();
  expect(seen).toEqual([undefined, 'the disk is full']);
  expect(volume.applier.refusal()).toBeUndefined();
  expect(nodesOf(volume, 'acme')).toBe(1n);
});

it('waits for a log that cannot be asked at the start', async () => {
  let failures = 2;
  const volume = await volumeWith({
    wrapLog: (wal) => ({
      consume: (wanted) => wal.consume(wanted),
      committed: (...mark) => wal.committed(...mark),
      bounds: async (topic, at) => {
        failures -= 1;
        if (failures >= 0) throw new EntError('LOG_UNAVAILABLE', 'no broker answers');
        return wal.bounds(topic, at);
      },
    }),
  });
  await volume.append([recordOf('acme', 0)]);
  volume.run();
  await volume.applied();
  expect(nodesOf(volume, 'acme')).toBe(1n);
});

it('tells verdicts that were asked for, but not those of long ago', async () => {
  let now = Date.now() - 3_600_000;
  const clock = { now: () => now, monotonic: () => 0, sleep: async () => {} };
  const wal = createMemoryWal({ clock });
  const volume = await volumeWith({}, wal);
  await volume.append([recordOf('acme', 0, { results: 1 })]);
  now = Date.now();
  await volume.append([recordOf('acme', 1, { results: 1 }), recordOf('acme', 2)]);
  volume.run();
  await volume.applied();
  expect(volume.told).toHaveLength(1);
});
