/** The plan as a table, and one property: whatever the history and the target, a plan's way holds exactly the prefix, or a refusal says why not. */
import * as fc from 'fast-check';
import {
  segmentDate,
  segmentName,
  type SegmentChecksum,
  type SnapshotManifest,
} from '@entdb/archive-format';
import type { History } from './history.ts';
import { isWithin, type Point } from './limit.ts';
import type { LogReach, Planning, PlanOptions } from './plan.ts';
import { planRestore } from './restore-plan.ts';
import { limitOf, type RestoreTarget } from './target.ts';
import { parseInstant } from './target.ts';

const tenantId = 'acme';
const place = { topic: 'entdb-wal', partition: 3 };
const sha = (n: number) => n.toString(16).padStart(64, '0');
const pointsOf = (times: readonly number[]): readonly Point[] => {
  let timeMs = 0;
  return times.map((time, i) => {
    timeMs = Math.max(timeMs, time);
    return { sequence: i + 1, offset: 2 * i, timeMs };
  });
};

function segmentsOf(points: readonly Point[], size: number): readonly SegmentChecksum[] {
  const segments: SegmentChecksum[] = [];
  for (let at = 0; at < points.length; at += size) {
    const [first, last] = [points[at]!, points[Math.min(at + size, points.length) - 1]!];
    const before = segments.at(-1);
    segments.push({
      tenantId,
      ...place,
      segment: segmentName(tenantId, segmentDate(first.timeMs), first.sequence),
      sha256: sha(at),
      bytes: 1000,
      records: last.sequence - first.sequence + 1,
      firstSequence: first.sequence,
      lastSequence: last.sequence,
      firstOffset: first.offset,
      lastOffset: last.offset,
      firstTimeMs: first.timeMs,
      lastTimeMs: last.timeMs,
      previous: before ? { segment: before.segment, sha256: before.sha256 } : null,
    });
  }
  return segments;
}

const snapshotAt = (point: Point): SnapshotManifest => ({
  tenantId,
  position: { ...place, offset: point.offset },
  sequence: point.sequence,
  epoch: 1,
  logTimeUs: point.timeMs * 1000,
  schemaFingerprint: '',
  files: [
    { name: 'canonical.db', bytes: 10, sha256: sha(1) },
    { name: 'mailbox.db', bytes: 10, sha256: sha(2) },
  ],
  digests: { canonical: sha(3), mailbox: sha(4) },
});

const day = 86_400_000;
const points = pointsOf(Array.from({ length: 40 }, (_, i) => 20_000 * day + i * 1000));
const idAt = (n: number) => `snap_${new Date(points[n - 1]!.timeMs).toISOString()}`;
const segments = segmentsOf(points, 10);
const whole: History = {
  tenantId,
  segments,
  snapshots: [12, 20].map((n) => snapshotAt(points[n - 1]!)),
  erasures: [],
  damaged: [],
};
const nowMs = 30_000 * day;
const log: LogReach = { ...place, startOffset: 0, endOffset: 100, archivedOffset: 0 };
const plan = (target: RestoreTarget, history = whole, more: Partial<PlanOptions> = {}): Planning =>
  planRestore(history, target, { nowMs, from: { kind: 'best' }, short: 'refuse', ...more });

function said(planning: Planning): string {
  switch (planning.kind) {
    case 'refused':
      return planning.refusal.code;
    case 'scan':
      return `scan ${planning.scan.segments.length} segments`;
    case 'plan': {
      const { base, segments: chosen, tail, reaches } = planning.plan;
      const from = base.kind === 'scratch' ? 'scratch' : `record ${base.at.sequence}`;
      const log = tail.kind === 'log' ? ` + log from ${tail.fromOffset}` : '';
      return `${from} + ${chosen.map(({ firstSequence }) => firstSequence).join()}${log} -> ${reaches}`;
    }
  }
}

const seq = (sequence: number, inclusive = true): RestoreTarget => ({
  kind: 'sequence',
  sequence,
  inclusive,
});
const offset = (at: number, inclusive = true): RestoreTarget => ({
  kind: 'position',
  offset: at,
  inclusive,
});
const time = (n: number, inclusive = true, add = 0): RestoreTarget => ({
  kind: 'time',
  timeMs: points[n - 1]!.timeMs + add,
  inclusive,
});
const without = (n: number): History => ({
  ...whole,
  segments: segments.filter((_, i) => i !== n),
});
const latest: RestoreTarget = { kind: 'latest' };

it.each<readonly [string, string, Planning]>([
  ['the first record', 'scratch + 1 -> target', plan(seq(1))],
  ['before the first', 'TARGET_BEFORE_FIRST', plan(seq(1, false))],
  ['just before a snapshot', 'scratch + 1,11 -> target', plan(seq(11))],
  ["a snapshot's own record", 'record 12 +  -> target', plan(seq(12))],
  ['the record after', 'record 12 + 11 -> target', plan(seq(13))],
  ['exclusive', 'record 12 + 11 -> target', plan(seq(20, false))],
  ['the end of a segment', 'record 20 + 21 -> target', plan(seq(30))],
  ["another tenant's offset", 'record 20 + 21 -> target', plan(offset(59))],
  ['an offset before all', 'TARGET_BEFORE_FIRST', plan(offset(0, false))],
  ['a stamp', 'record 20 + 21 -> target', plan(time(25))],
  [
    'the last stamp of a segment: the next begins later',
    'record 20 + 21 -> target',
    plan(time(30)),
  ],
  ["a snapshot's stamp", 'record 20 +  -> target', plan(time(20))],
  ["a snapshot's stamp, exclusive", 'record 12 + 11 -> target', plan(time(20, false))],
  ['before the first stamp', 'TARGET_BEFORE_FIRST', plan(time(1, true, -1))],
  ['the last stamp of all', 'TARGET_BEYOND_ARCHIVE', plan(time(40))],
  ['the last stamp, exclusive', 'record 20 + 21,31 -> target', plan(time(40, false))],
  [
    'the last stamp, as far as archived',
    'record 20 + 21,31 -> archive',
    plan(time(40), whole, { short: 'accept' }),
  ],
  [
    'the last stamp, with the log',
    'record 20 + 21,31 + log from 79 -> target',
    plan(time(40), whole, { log }),
  ],
  ['in the future', 'TARGET_IN_FUTURE', plan({ kind: 'time', timeMs: nowMs + 1, inclusive: true })],
  ['latest', 'record 20 + 21,31 -> archive', plan(latest)],
  [
    'latest with the log and a mark',
    'record 20 + 21,31 + log from 90 -> target',
    plan(latest, whole, { log: { ...log, startOffset: 85, archivedOffset: 90 } }),
  ],
  [
    'a hole before the log',
    'ARCHIVE_GAP',
    plan(latest, whole, { log: { ...log, startOffset: 80 } }),
  ],
  [
    'a log that ends too early',
    'LOG_TRUNCATED',
    plan(latest, whole, { log: { ...log, endOffset: 78 } }),
  ],
  ['another partition', 'INVALID_POSITION', plan(latest, whole, { log: { ...log, partition: 4 } })],
  ['a key', 'scan 4 segments', plan({ kind: 'key', key: 'k', inclusive: true })],
  [
    'a key that was found',
    'record 20 + 21 -> target',
    plan({ kind: 'key', key: 'k', inclusive: true }, whole, { located: 22 }),
  ],
  [
    'from scratch',
    'scratch + 1,11,21 -> target',
    plan(seq(30), whole, { from: { kind: 'scratch' } }),
  ],
  [
    'from a named snapshot',
    'record 12 + 11,21 -> target',
    plan(seq(30), whole, { from: { kind: 'snapshot', id: idAt(12) } }),
  ],
  [
    'from a snapshot beyond',
    'INVALID_TARGET',
    plan(seq(15), whole, { from: { kind: 'snapshot', id: idAt(20) } }),
  ],
  ['from no snapshot', 'SNAPSHOT_NOT_FOUND', plan({ kind: 'snapshot', id: 'snap_x' })],
  [
    'around a damaged snapshot',
    'record 12 + 11,21 -> target',
    plan(seq(30), whole, {
      passedOver: [{ object: idAt(20), code: 'SNAPSHOT_CORRUPT', reason: '' }],
    }),
  ],
  ['a lost segment below the base', 'record 20 + 21 -> target', plan(seq(30), without(0))],
  ['a lost segment on the way', 'ARCHIVE_BROKEN', plan(seq(35), without(2))],
  ['within a lost segment', 'TARGET_IN_GAP', plan(seq(25), without(2))],
  ['before a lost segment', 'record 20 +  -> target', plan(seq(20), without(2))],
  [
    'within a lost segment that the log still has',
    'record 20 +  + log from 39 -> target',
    plan(seq(25), without(2), { log }),
  ],
  [
    'beyond a lost segment that the log still has',
    'record 20 +  + log from 39 -> target',
    plan(latest, without(2), { log: { ...log, startOffset: 39, archivedOffset: 79 } }),
  ],
  [
    'a lost segment, and the log begins within it',
    'TARGET_IN_GAP',
    plan(seq(25), without(2), { log: { ...log, startOffset: 40 } }),
  ],
  [
    'a lost segment, and the log ends before what is archived',
    'ARCHIVE_BROKEN',
    plan(seq(35), without(2), { log: { ...log, endOffset: 78 } }),
  ],
  ['below what is left', 'TARGET_BEFORE_FIRST', plan(seq(5), without(0))],
  [
    'lost, and a later snapshot knows',
    'TARGET_IN_GAP',
    plan(seq(15), {
      ...whole,
      segments: segments.slice(0, 1),
      snapshots: [snapshotAt(points[19]!)],
    }),
  ],
  ['nothing archived', 'NOTHING_ARCHIVED', plan(latest, { ...whole, segments: [], snapshots: [] })],
  [
    'all on the log',
    'scratch +  + log from 0 -> target',
    plan(latest, { ...whole, segments: [], snapshots: [] }, { log }),
  ],
])('%s: %s', (_, wanted, planning) => {
  expect(said(planning)).toBe(wanted);
});

it('is data that JSON gives back', () => {
  const planning = plan(seq(30));
  expect(JSON.parse(JSON.stringify(planning))).toEqual(planning);
});

it('holds exactly the prefix, for any history and target', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }),
      fc.option(fc.nat({ max: 6 }), { nil: undefined }),
      fc.oneof(
        fc.record({
          kind: fc.constant('time' as const),
          timeMs: fc.integer({ min: 0, max: 32 }),
          inclusive: fc.boolean(),
        }),
        fc.record({
          kind: fc.constant('sequence' as const),
          sequence: fc.integer({ min: 0, max: 42 }),
          inclusive: fc.boolean(),
        }),
        fc.record({
          kind: fc.constant('position' as const),
          offset: fc.integer({ min: 0, max: 90 }),
          inclusive: fc.boolean(),
        }),
      ),
      (times, size, snapshots, lost, target) => {
        const all = pointsOf(times);
        const cuts = [...new Set(snapshots)].filter((n) => n <= all.length).sort((a, b) => a - b);
        const history: History = {
          tenantId,
          segments: segmentsOf(all, size).filter((_, i) => i !== lost),
          snapshots: cuts.map((n) => snapshotAt(all[n - 1]!)),
          erasures: [],
          damaged: [],
        };
        const planning = plan(target, history);
        const limit = limitOf(target);
        const prefix = all.filter((point) => isWithin(limit, point)).length;
        if (planning.kind === 'plan') {
          const { base, segments: chosen } = planning.plan;
          const held = new Set(all.slice(0, base.at.sequence).map(({ sequence }) => sequence));
          for (const segment of chosen)
            for (let n = segment.firstSequence; n <= segment.lastSequence; n++) held.add(n);
          expect(base.at.sequence).toBeLessThanOrEqual(prefix);
          for (let n = 1; n <= prefix; n++) expect(held.has(n)).toBe(true);
          // Nothing is fetched that is not wanted: the last segment begins within the prefix.
          const last = chosen.at(-1);
          if (last)
            expect(last.firstSequence).toBeLessThanOrEqual(Math.max(prefix, base.at.sequence));
          return;
        }
        expect(planning.kind).toBe('refused');
        const isSettled =
          all.length > prefix || (limit.kind === 'sequence' && limit.sequence <= all.length);
        const isWhole = lost === undefined || lost >= Math.ceil(all.length / size);
        // A history that is whole, and a target that it settles, are never refused.
        if (isWhole && isSettled && prefix > 0) throw new Error(JSON.stringify(planning));
      },
    ),
    { numRuns: 2_000 },
  );
});

it.each([
  ['2026-01-15T14:30:00Z', Date.UTC(2026, 0, 15, 14, 30)],
  ['2026-01-15T14:30:00.250Z', Date.UTC(2026, 0, 15, 14, 30, 0, 250)],
  ['2026-01-15T15:30:00+01:00', Date.UTC(2026, 0, 15, 14, 30)],
  ['2026-01-15T14:30Z', Date.UTC(2026, 0, 15, 14, 30)],
])('reads the time %s', (text, ms) => expect(parseInstant(text)).toBe(ms));

it.each([
  '2026-01-15T14:30:00',
  '2026-01-15',
  '2026-02-30T00:00:00Z',
  '2026-01-15T25:00:00Z',
  '2026-01-15T14:30:00.1234Z',
  'yesterday',
  '1790000000000',
  '',
])('refuses the time %s', (text) => {
  const thrown = (): unknown => {
    try {
      return parseInstant(text);
    } catch (error) {
      return error;
    }
  };
  expect(thrown()).toMatchObject({ code: 'INVALID_TARGET' });
});
