import { silentLogger } from '@entdb/base';
import { createPartitionArchive } from './partition-archive.ts';
import type { TenantArchive, Unarchived } from './tenant-archive.ts';

const record = (offset: number, bytes: number) => ({
  topic: 'entdb-wal',
  partition: 0,
  offset,
  timeMs: 1_000 + offset,
  key: 'acme',
  value: new Uint8Array(bytes),
  headers: {},
});

/** A tenant of which so much is not archived. */
const tenantWith = (unarchived: Unarchived): TenantArchive => ({
  tenantId: 'acme',
  take: () => {},
  tend: () => {},
  cutEarly: () => {},
  waiting: { bytes: 0, records: 0, firstAtMs: 0, lastAtMs: 0 },
  held: 0,
  busy: false,
  unarchived,
  holdsMarkAt: undefined,
  verdict: undefined,
  forgettable: undefined,
});

const partitionWith = (unarchived: Unarchived) =>
  createPartitionArchive({
    partition: 0,
    beginning: { offset: 10, hole: undefined },
    endOffset: 30,
    beganMs: 5_000,
    openTenant: () => tenantWith(unarchived),
    tenantsMax: 10,
    onUnowned: () => {},
    logger: silentLogger,
  });

describe('what is on the log and not in the archive', () => {
  it('is what was not read yet, of an age that is not known better than by when reading began', () => {
    const archive = partitionWith({ records: 0, first: undefined });
    expect(archive.lag(9_000)).toEqual({ records: 20, ageMs: 4_000, bytes: 0 });
  });

  it('reaches from the oldest such record to the end, in bytes by the mean of what was read', () => {
    const archive = partitionWith({ records: 3, first: { offset: 12, timeMs: 1_012 } });
    const records = [10, 11, 12, 13, 14].map((offset) => record(offset, offset % 2 ? 180 : 80));
    archive.take({ topic: 'entdb-wal', partition: 0, records, endOffset: 20 });
    const { records: count, ageMs, bytes } = archive.lag(2_012);
    expect({ count, ageMs }).toEqual({ count: 8, ageMs: 1_000 });
    expect(bytes).toBe((20 - 12) * (120 + 'acme'.length + 16));
  });

  it('is nothing where all is archived', () => {
    const archive = partitionWith({ records: 0, first: undefined });
    archive.take({ topic: 'entdb-wal', partition: 0, records: [record(10, 5)], endOffset: 11 });
    expect(archive.lag(9_000)).toEqual({ records: 0, ageMs: 0, bytes: 0 });
  });
});
