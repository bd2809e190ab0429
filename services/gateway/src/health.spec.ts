import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  ApplierStatusSchema,
  ArchiverStatusSchema,
  encodeStatusRecord,
  SnapshotterStatusSchema,
} from '@entdb/contracts';
import { statusTopic } from '@entdb/wal';
import { applierLagMs, lastSnapshot, s3State, sqliteState, type FleetView } from './health.ts';
import { callOf, handlersOf, startTestFleet } from './testing/gateways.ts';

type StatusInit = MessageInitShape<typeof ApplierStatusSchema>;

const hourMs = 3_600_000;
const nowMs = 1_790_000_000_000;

const viewOf = (shards: number, ...statuses: StatusInit[]): FleetView => ({
  partitions: 2,
  shards,
  appliers: statuses.map((status, i) => ({
    instance: `applier-${i}`,
    lastSeenMs: 0,
    status: create(ApplierStatusSchema, status),
  })),
  archivers: [],
  snapshotters: [],
  silent: [],
  walRetentionMs: 100 * hourMs,
  nowMs,
});
const progress = (...lags: number[]) => lags.map((lagMs, partition) => ({ partition, lagMs }));

describe('the health of the fleet', () => {
  it.each<[string, FleetView, object]>([
    [
      'without appliers',
      viewOf(1),
      { kind: 'degraded', reason: expect.stringContaining('no applier') },
    ],
    ['with one for each shard', viewOf(2, { shard: 0 }, { shard: 1 }), { kind: 'healthy' }],
    [
      'without one for a shard',
      viewOf(3, { shard: 0 }, { shard: 2 }),
      { kind: 'degraded', reason: expect.stringContaining('shard 1') },
    ],
    [
      'with a quarantined tenant',
      viewOf(1, { quarantinedTenantIds: ['a'] }, { quarantinedTenantIds: ['a'] }),
      { kind: 'degraded', reason: expect.stringContaining('1 tenant') },
    ],
  ])('%s', (_name, view, state) => {
    expect(sqliteState(view)).toEqual(state);
  });

  it.each<[string, FleetView, number | null]>([
    ['is not known without appliers', viewOf(1), null],
    ['is not known while a partition is missing', viewOf(1, { progress: progress(5) }), null],
    ['is that of the slowest partition', viewOf(1, { progress: progress(5, 7) }), 7],
    [
      'by the best replica of each',
      viewOf(1, { progress: progress(900, 7) }, { progress: progress(5, 800) }),
      7,
    ],
  ])('lag %s', (_name, view, lag) => {
    expect(applierLagMs(view)).toBe(lag);
  });

  const archiving = (...statuses: MessageInitShape<typeof ArchiverStatusSchema>[]): FleetView => ({
    ...viewOf(1),
    archivers: statuses.map((status, i) => ({
      instance: `archiver-${i}`,
      lastSeenMs: 0,
      status: create(ArchiverStatusSchema, { enabled: true, ...status }),
    })),
  });
  const [zero, one] = [{ partition: 0 }, { partition: 1 }];

  it.each<[string, FleetView, object]>([
    ['without archivers', archiving(), { kind: 'healthy', text: 'disabled' }],
    ['turned off', archiving({ enabled: false }), { kind: 'healthy', text: 'disabled' }],
    [
      'silent',
      { ...archiving(), silent: ['archiver'] },
      { kind: 'degraded', reason: 'the archiver is not heard of any more' },
    ],
    ['that works', archiving({ progress: [zero] }, { progress: [one] }), { kind: 'healthy' }],
    [
      'that cannot write',
      archiving({ progress: [zero, one], trouble: 'S3 answers 503' }),
      { kind: 'degraded', reason: 'S3 answers 503' },
    ],
    [
      'of a part of the partitions',
      archiving({ progress: [zero] }),
      { kind: 'degraded', reason: expect.stringContaining('1 of 2') },
    ],
    [
      'with a partition in trouble',
      archiving({ progress: [zero, { ...one, trouble: 'a gap' }] }),
      { kind: 'degraded', reason: 'partition 1: a gap' },
    ],
    [
      'with tenants that stand still',
      archiving({ progress: [zero, one], stoppedTenants: 3n }),
      { kind: 'degraded', reason: expect.stringContaining('3 tenants') },
    ],
    [
      'with a record that has been on the log for half of its retention',
      archiving({ progress: [zero, { ...one, oldestUnarchivedAgeMs: BigInt(50 * hourMs) }] }),
      { kind: 'healthy' },
    ],
    [
      'with one that has been there for longer',
      archiving({ progress: [zero, { ...one, oldestUnarchivedAgeMs: BigInt(61 * hourMs) }] }),
      { kind: 'degraded', reason: expect.stringContaining('61 % of its retention') },
    ],
  ])('archive %s', (_name, view, state) => {
    expect(s3State(view)).toEqual(state);
  });

  type SnapshotterInit = MessageInitShape<typeof SnapshotterStatusSchema>;
  const snapshotting = (view: FleetView, ...statuses: SnapshotterInit[]): FleetView => ({
    ...view,
    snapshotters: statuses.map((status, i) => ({
      instance: `snapshotter-${i}`,
      lastSeenMs: 0,
      status: create(SnapshotterStatusSchema, { enabled: true, ...status }),
    })),
  });
  const archived = archiving({ progress: [zero, one] });
  const since = (hours: number) => ({ oldestWaitingUs: BigInt((nowMs - hours * hourMs) * 1000) });

  it.each<[string, FleetView, object]>([
    ['that are made', snapshotting(archived, {}), { kind: 'healthy' }],
    [
      'that are turned off',
      snapshotting(archived, { enabled: false }),
      { kind: 'healthy', text: 'ok, snapshots disabled' },
    ],
    [
      'without an archive',
      snapshotting(viewOf(1), {}),
      { kind: 'healthy', text: 'archive disabled' },
    ],
    [
      'and archive both turned off',
      snapshotting(archiving({ enabled: false }), { enabled: false }),
      { kind: 'healthy', text: 'disabled' },
    ],
    [
      'of which nothing is known while the archive is in trouble',
      snapshotting(archiving({ trouble: 'S3 answers 503' }), { trouble: 'S3 answers 500' }),
      { kind: 'degraded', reason: 'S3 answers 503' },
    ],
    [
      'that cannot be made at present',
      snapshotting(archived, { trouble: 'S3 answers 500' }),
      { kind: 'degraded', reason: 'snapshots: S3 answers 500' },
    ],
    [
      'that cannot be made of some tenants, which both of two snapshotters say',
      snapshotting(
        archived,
        { stoppedTenants: 2n, stopped: [{ code: 'SEGMENT_CORRUPT' }] },
        { stoppedTenants: 1n, stopped: [{ code: 'SNAPSHOT_DIGEST_MISMATCH' }] },
      ),
      {
        kind: 'degraded',
        reason: '2 tenants get no snapshot: SEGMENT_CORRUPT, SNAPSHOT_DIGEST_MISMATCH',
      },
    ],
    [
      'that are 24 hours behind the archive',
      snapshotting(archived, since(24), {}),
      { kind: 'healthy' },
    ],
    [
      'that are further behind',
      snapshotting(archived, since(2), since(31)),
      { kind: 'degraded', reason: expect.stringContaining('for 31 hours') },
    ],
  ])('snapshots %s', (_name, view, state) => {
    expect(s3State(view)).toEqual(state);
  });

  it.each<[string, SnapshotterInit[], string | null]>([
    ['is null while nobody knows of one', [{}], null],
    ['is null without snapshotters', [], null],
    [
      'is the last that any of them knows of',
      [{ lastSuccessUs: BigInt(nowMs * 1000) }, { lastSuccessUs: 5_000n }],
      new Date(nowMs).toISOString(),
    ],
  ])('last snapshot %s', (_name, statuses, time) => {
    expect(lastSnapshot(snapshotting(archived, ...statuses))).toBe(time);
  });

  it('and its topology come from what appliers said, also just before the start', async () => {
    const fleet = await startTestFleet();
    const lane = await fleet.wal.openLane(statusTopic, 0);
    const status = create(ApplierStatusSchema, {
      shard: 0,
      shards: 1,
      address: 'http://a:1',
      progress: progress(0, 3),
    });
    const value = encodeStatusRecord({
      $typeName: 'entdb.v1.StatusRecord',
      service: 'applier',
      instance: 'applier-0',
      atUs: 5_000n,
      status: { case: 'applier', value: status },
    });
    await lane.append([
      { key: 'applier-0', value: Uint8Array.of(9) },
      { key: 'applier-0', value },
    ]);
    const { getTopology } = handlersOf(await fleet.gateway());
    const ask = () => getTopology({ $typeName: 'entdb.v1.GetTopologyRequest' }, callOf());
    while ((await ask()).appliers?.length === 0) await new Promise(setImmediate);
    expect(await ask()).toMatchObject({
      partitions: 4,
      shards: 1,
      appliers: [
        {
          shard: 0,
          instance: 'applier-0',
          address: 'http://a:1',
          lastSeenUs: 5_000n,
          progress: [{ lagMs: 0 }, { lagMs: 3 }],
        },
      ],
    });
    await fleet.close();
  });
});
