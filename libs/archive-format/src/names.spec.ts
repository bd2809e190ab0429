import * as fc from 'fast-check';
import { catalogueArchive, catalogueSnapshots } from './catalogue.ts';
import {
  archivePrefix,
  checksumNameOf,
  erasureName,
  manifestName,
  parseObjectName,
  parseSnapshotId,
  restorePointFileName,
  restorePointManifestName,
  segmentDate,
  segmentName,
  snapshotFileName,
  snapshotId,
} from './names.ts';
import { refusal } from './testing/refusal.ts';

const tenantId = fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/);
const timeMs = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) });
const sequence = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

it('are those of the contract', () => {
  expect(segmentName('acme', '2026-09-21', 42)).toBe(
    'archive/acme/2026-09-21/segment_00000000000000000042.jsonl.gz',
  );
  expect(checksumNameOf(segmentName('acme', '2026-09-21', 42))).toBe(
    'archive/acme/2026-09-21/segment_00000000000000000042.checksum',
  );
  expect(snapshotId(1_790_000_000_456)).toBe('snap_2026-09-21T14:13:20.456Z');
  expect(snapshotFileName('acme', snapshotId(0), 'mailbox.db')).toBe(
    'snapshots/acme/snap_1970-01-01T00:00:00.000Z/mailbox.db',
  );
  expect(manifestName('acme', snapshotId(0))).toBe(
    'snapshots/acme/snap_1970-01-01T00:00:00.000Z/manifest.json',
  );
  expect(restorePointFileName('acme', 42, 'canonical.db')).toBe(
    'restores/acme/00000000000000000042/canonical.db',
  );
  expect(restorePointManifestName('acme', 42)).toBe(
    'restores/acme/00000000000000000042/manifest.json',
  );
  expect(erasureName('acme', 42)).toBe('erasures/acme/00000000000000000042.json');
});

it('are read back as they were made (property)', () => {
  fc.assert(
    fc.property(tenantId, timeMs, sequence, (tenant, time, firstSequence) => {
      const date = segmentDate(time);
      const segment = segmentName(tenant, date, firstSequence);
      const parts = { tenantId: tenant, date, firstSequence };
      expect(parseObjectName(segment)).toEqual({ kind: 'segment', ...parts });
      expect(parseObjectName(checksumNameOf(segment))).toEqual({ kind: 'checksum', ...parts });
      const id = snapshotId(time);
      expect(parseSnapshotId(id)).toEqual({ logTimeMs: time });
      const named = { tenantId: tenant, snapshotId: id };
      expect(parseObjectName(manifestName(tenant, id))).toEqual({ kind: 'manifest', ...named });
      expect(parseObjectName(snapshotFileName(tenant, id, 'canonical.db'))).toEqual({
        kind: 'snapshot-file',
        ...named,
        file: 'canonical.db',
      });
      const at = { tenantId: tenant, sequence: firstSequence };
      expect(parseObjectName(restorePointFileName(tenant, firstSequence, 'mailbox.db'))).toEqual({
        kind: 'restore-point-file',
        ...at,
        file: 'mailbox.db',
      });
      expect(parseObjectName(restorePointManifestName(tenant, firstSequence))).toEqual({
        kind: 'restore-point-manifest',
        ...at,
      });
      expect(parseObjectName(erasureName(tenant, firstSequence))).toEqual({
        kind: 'erasure',
        ...at,
      });
    }),
  );
});

it('order as text as they do by sequence, and by time (property)', () => {
  fc.assert(
    fc.property(sequence, sequence, timeMs, timeMs, (a, b, early, late) => {
      const text = segmentName('t', '2026-01-01', a) < segmentName('t', '2026-01-01', b);
      expect(text).toBe(a < b);
      expect(erasureName('t', a) < erasureName('t', b)).toBe(a < b);
      expect(snapshotId(early) < snapshotId(late)).toBe(early < late);
    }),
  );
});

const segment = 'archive/acme/2026-09-21/segment_00000000000000000042.jsonl.gz';

it('have one spelling: what has another is unknown', () => {
  const others = [
    '',
    `/${segment}`,
    `${segment}/`,
    `${segment}\n`,
    segment.replace('acme', '..'),
    segment.replace('acme', 'ac me'),
    segment.replace('acme', 'a'.repeat(129)),
    segment.replace('acme/', ''),
    segment.replace('2026-09-21', '2026-02-30'),
    segment.replace('2026-09-21', '2026-9-21'),
    segment.replace('2026-09-21', '20260-9-21'),
    segment.replace('0000000042', '000000042'),
    segment.replace('0000000042', '00000000042'),
    segment.replace('0000000042', '000000004a'),
    segment.replace('00000000000000000042', '00000000000000000000'),
    segment.replace('00000000000000000042', '09007199254740993000'), // beyond 2^53
    segment.replace('.jsonl.gz', '.jsonl'),
    segment.replace('segment_', 'Segment_'),
    segment.replace('archive/', 'Archive/'),
    'snapshots/acme/snap_2026-09-21T14:13:20.456Z/other.db',
    'snapshots/acme/snap_2026-09-21T14:13:20.456Z/canonical.db-wal',
    'snapshots/acme/snap_2026-09-21T14:13:20.456Z/',
    'snapshots/acme/snap_2026-09-21T14:13:20Z/manifest.json',
    'snapshots/acme/snap_2026-09-21T14:13:20.456+00:00/manifest.json',
    'snapshots/acme/snap_2026-09-21 14:13:20.456Z/manifest.json',
    'snapshots/acme/2026-09-21T14:13:20.456Z/manifest.json',
    'restores/acme/00000000000000000042/report.json',
    'restores/acme/00000000000000000042/',
    'restores/acme/00000000000000000000/manifest.json',
    'restores/acme/42/manifest.json',
    'restores/a.b/00000000000000000042/manifest.json',
    'erasures/acme/00000000000000000000.json',
    'erasures/acme/0000000000000000042.json',
    'erasures/acme/00000000000000000042.json/',
    'erasures/acme/00000000000000000042',
    'erasures/acme/x/00000000000000000042.json',
  ];
  expect(others.filter((name) => parseObjectName(name) !== undefined)).toEqual([]);
});

it('change into unknown ones, or into names of something else, when a character changes', () => {
  for (const name of [
    segment,
    manifestName('acme', snapshotId(1_790_000_000_456)),
    restorePointManifestName('acme', 42),
    erasureName('acme', 42),
  ]) {
    for (let index = 0; index < name.length; index += 1) {
      for (const other of ['x', '0', '/', '.', '\0', 'Z']) {
        if (name[index] === other) continue;
        const changed = name.slice(0, index) + other + name.slice(index + 1);
        expect(parseObjectName(changed)).not.toEqual(parseObjectName(name));
      }
    }
  }
});

it('are refused in parts that are none', async () => {
  for (const make of [
    () => archivePrefix('a/b'),
    () => segmentName('acme', '2026-13-01', 1),
    () => segmentName('acme', '2026-01-01', 0),
    () => segmentName('acme', '2026-01-01', 1.5),
    () => segmentDate(-1),
    () => segmentDate(Number.NaN),
    () => snapshotId(Date.UTC(10_000, 0)),
    () => manifestName('acme', 'latest'),
    () => checksumNameOf('archive/acme/x'),
    () => erasureName('acme', 0),
    () => restorePointManifestName('acme', 2 ** 53),
  ])
    expect((await refusal(make)).code).toMatch(/^INVALID_(ARGUMENT|TENANT_ID)$/);
});

it('make a catalogue of an archive: ordered, with what is missing and what does not belong', () => {
  const [a, b, c, d] = [
    segmentName('acme', '2026-12-31', 9),
    segmentName('acme', '2027-01-01', 10),
    segmentName('acme', '2026-12-31', 100),
    segmentName('acme', '2026-12-31', 10),
  ];
  const stranger = segmentName('other', '2026-12-31', 1);
  const names = [b, checksumNameOf(c), 'archive/acme/notes.txt', checksumNameOf(a), stranger, a, d];
  expect(catalogueArchive('acme', names)).toEqual({
    segments: [
      { segment: a, firstSequence: 9, state: 'whole' },
      { segment: d, firstSequence: 10, state: 'unsealed' },
      { segment: b, firstSequence: 10, state: 'unsealed' },
      { segment: c, firstSequence: 100, state: 'lost' },
    ],
    unknown: ['archive/acme/notes.txt', stranger],
  });
});

it('make a catalogue of snapshots: one without its manifest is none', () => {
  const [old, young] = [snapshotId(1_000), snapshotId(2_000)];
  const whole = [
    manifestName('acme', young),
    snapshotFileName('acme', young, 'mailbox.db'),
    snapshotFileName('acme', young, 'canonical.db'),
  ];
  const names = [...whole, snapshotFileName('acme', old, 'canonical.db'), segment];
  expect(catalogueSnapshots('acme', names)).toEqual({
    snapshots: [
      { snapshotId: old, logTimeMs: 1_000, complete: false },
      { snapshotId: young, logTimeMs: 2_000, complete: true },
    ],
    unknown: [segment],
  });
});
