/** Method: one log in memory with two tenants in it, of which the archive has the first part: what a restore takes from the log must equal what an applier makes of it. */
import { join } from 'node:path';
import { encodeWalRecord } from '@entdb/contracts';
import { createMemoryStore } from '@entdb/object-store';
import { createMemoryWal } from '@entdb/wal';
import { restoreTenant, type RestoreRequest } from './restore.ts';
import type { RestoreTarget } from './target.ts';
import {
  baseTimeMs,
  place,
  randomLog,
  tenantId,
  walRecord,
  type RawRecord,
} from './testing/records.ts';
import {
  archive,
  rng,
  rowsOf,
  scratchFolder,
  testClock,
  truthOf,
  type Truth,
} from './testing/world.ts';

const { topic, partition } = place;
const archiverGroup = 'entdb-archiver';
const folder = scratchFolder();
afterAll(() => folder.remove());

/** The bytes of a random log, on a real log, with another tenant's record after every third. */
async function logOf(count: number, stranger = 'other') {
  const clock = testClock(baseTimeMs);
  const wal = createMemoryWal({ clock });
  await wal.createTopics([
    {
      name: topic,
      partitions: 4,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      retentionMs: -1,
      maxMessageBytes: 1_000_000,
    },
  ]);
  const lane = await wal.openLane(topic, partition);
  const log: RawRecord[] = [];
  for (const [n, { key, value, timeMs }] of randomLog(count, 3).entries()) {
    clock.set(Math.max(clock.now(), timeMs));
    const { baseOffset } = await lane.append([{ key: tenantId, value }]);
    log.push({ offset: baseOffset, timeMs: clock.now(), key, value });
    if (n % 3 !== 0) continue;
    const record = walRecord(
      `s${n}`,
      { $typeName: 'entdb.v1.Transaction', operations: [], preconditions: [] },
      true,
    );
    await lane.append([
      { key: stranger, value: encodeWalRecord({ ...record, tenantId: stranger }) },
    ]);
  }
  await lane.close();
  clock.set(clock.now() + 1_000_000);
  return { wal, log, truth: truthOf(log), clock };
}

let world: Awaited<ReturnType<typeof logOf>>;
let truth: Truth;
const store = createMemoryStore();
beforeAll(async () => {
  world = await logOf(60);
  ({ truth } = world);
  await archive(store, world.log.slice(0, 33), () => 9);
});
afterAll(() => world.wal.close());

let runs = 0;
function request(target: RestoreTarget, more: Partial<RestoreRequest> = {}): RestoreRequest {
  const log = { wal: world.wal, topic, partition, archiverGroup };
  const { clock } = world;
  return {
    store,
    clock,
    rng,
    tenantId,
    target,
    log,
    outputDir: join(folder.path, `out-${runs++}`),
    ...more,
  };
}

async function reaches(
  sequence: number,
  target: RestoreTarget,
  more: Partial<RestoreRequest> = {},
) {
  const asked = request(target, more);
  const report = await restoreTenant(asked);
  expect(report.reached).toEqual(truth.points[sequence]);
  expect(report.complete).toBe(true);
  expect(report.digests).toEqual(truth.digests[sequence]);
  expect(rowsOf(join(asked.outputDir, tenantId))).toBe(truth.rows[sequence]);
}

it('goes on from the archive on the log, to its end', async () => {
  await reaches(60, { kind: 'latest' });
});

it.each([33, 34, 47, 59, 60])('stops at record %i by each kind of target', async (n) => {
  const { offset, timeMs } = truth.points[n]!;
  await reaches(n, { kind: 'sequence', sequence: n, inclusive: true });
  await reaches(n, { kind: 'position', offset, inclusive: true });
  await reaches(n - 1, { kind: 'position', offset, inclusive: false });
  const stamped = truth.points.filter(
    (point) => point.sequence > 0 && point.timeMs <= timeMs,
  ).length;
  await reaches(stamped, { kind: 'time', timeMs, inclusive: true });
  const { key } = world.log[n - 1]!;
  const first = world.log.findIndex((record) => record.key === key) + 1;
  await reaches(first, { kind: 'key', key, inclusive: true });
  await reaches(first - 1, { kind: 'key', key, inclusive: false });
});

it('takes everything from the log where nothing is archived yet, and the log has its beginning', async () => {
  await reaches(60, { kind: 'latest' }, { store: createMemoryStore() });
});

it('says what is not there', async () => {
  const cases: readonly (readonly [RestoreTarget, string])[] = [
    [{ kind: 'sequence', sequence: 61, inclusive: true }, 'TARGET_IN_FUTURE'],
    [{ kind: 'position', offset: 1_000, inclusive: true }, 'TARGET_IN_FUTURE'],
    [{ kind: 'key', key: 'nobody has it', inclusive: true }, 'TARGET_NOT_FOUND'],
  ];
  for (const [target, code] of cases)
    await expect(restoreTenant(request(target))).rejects.toMatchObject({ code });
});

it("refuses a hole between archive and log, unless the archiver's mark says that the hole is empty", async () => {
  const { wal, log } = await logOf(60);
  const at = { wal, topic, partition, archiverGroup };
  const lastArchived = log[32]!.offset;
  const hole = createMemoryStore();
  await archive(hole, log.slice(0, 33), () => 9);
  wal.truncateBefore(topic, partition, lastArchived + 1);
  const here = { store: hole, log: at };
  await reaches(60, { kind: 'latest' }, here);
  wal.truncateBefore(topic, partition, log[35]!.offset);
  await expect(restoreTenant(request({ kind: 'latest' }, here))).rejects.toMatchObject({
    code: 'ARCHIVE_GAP',
  });
  // Everything of the tenant is archived, and what the log lost since then is other tenants': only the mark can say so.
  const all = createMemoryStore();
  await archive(all, log, () => 9);
  const lane = await wal.openLane(topic, partition);
  for (let n = 0; n < 5; n++) await lane.append([{ key: 'other', value: Buffer.from('x') }]);
  await lane.close();
  const { endOffset } = await wal.bounds(topic, partition);
  wal.truncateBefore(topic, partition, endOffset);
  await expect(
    restoreTenant(request({ kind: 'latest' }, { store: all, log: at })),
  ).rejects.toMatchObject({ code: 'ARCHIVE_GAP' });
  await wal.commit(archiverGroup, topic, partition, endOffset);
  await reaches(60, { kind: 'latest' }, { store: all, log: at });
  await wal.close();
});

it('finds out a log that is not the one that was archived', async () => {
  const empty = createMemoryWal({ clock: world.clock });
  await empty.createTopics([
    {
      name: topic,
      partitions: 4,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      retentionMs: -1,
      maxMessageBytes: 1_000_000,
    },
  ]);
  const log = { wal: empty, topic, partition, archiverGroup };
  await expect(restoreTenant(request({ kind: 'latest' }, { log }))).rejects.toMatchObject({
    code: 'LOG_TRUNCATED',
  });
  const lane = await empty.openLane(topic, partition);
  for (let n = 0; n < 80; n++) await lane.append([{ key: 'other', value: Buffer.from('x') }]);
  await expect(restoreTenant(request({ kind: 'latest' }, { log }))).rejects.toMatchObject({
    code: 'ARCHIVE_CONFLICT',
  });
  await lane.close();
  await empty.close();
});

it('stops at a record that cannot be applied, and names it', async () => {
  const { wal, log, clock } = await logOf(10);
  const lane = await wal.openLane(topic, partition);
  const { baseOffset } = await lane.append([{ key: tenantId, value: Buffer.from('no record') }]);
  await lane.close();
  const bad = createMemoryStore();
  await archive(bad, log, () => 4);
  const at = { wal, topic, partition, archiverGroup };
  await expect(
    restoreTenant(request({ kind: 'latest' }, { store: bad, log: at, clock })),
  ).rejects.toMatchObject({
    code: 'RECORD_CORRUPT',
    message: expect.stringContaining(`offset ${baseOffset}`),
  });
  await restoreTenant(
    request(
      { kind: 'position', offset: baseOffset, inclusive: false },
      { store: bad, log: at, clock },
    ),
  );
  const archived = createMemoryStore();
  await archive(
    archived,
    [
      ...log,
      { offset: baseOffset, timeMs: clock.now(), key: 'bad', value: Buffer.from('no record') },
    ],
    () => 4,
  );
  await expect(
    restoreTenant({ ...request({ kind: 'latest' }, { store: archived, clock }), log: at }),
  ).rejects.toMatchObject({ code: 'RECORD_CORRUPT' });
  await wal.close();
});
