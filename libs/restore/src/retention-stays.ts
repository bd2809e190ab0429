import { snapshotId } from '@entdb/archive-format';
import type { History, RetentionPlan, StoredRestorePoint } from '@entdb/snapshot';

/** What retention leaves, and why: the other half of a plan. */
export interface Stay {
  readonly what: string;
  readonly why: string;
}

/** Pure. In the order of what is asked first: why nothing goes, the base, what is younger, what is protected, the segments. */
export function whatStays(
  { segments, snapshots, erasures }: History,
  plan: RetentionPlan,
  restorePoints: readonly StoredRestorePoint[] = [],
): readonly Stay[] {
  if (plan.held !== null) return [{ what: 'everything', why: plan.held }];
  const boundary = new Date(plan.boundaryMs).toISOString();
  if (plan.base === null)
    return [
      {
        what: 'everything',
        why: `no sound snapshot lies at or before ${boundary}, and history can be cut off above one only`,
      },
    ];
  const goes = new Set([...plan.snapshots, ...plan.segments]);
  const ids = snapshots.map(({ logTimeUs }) => snapshotId(logTimeUs / 1000));
  const base = snapshots[ids.indexOf(plan.base)];
  const isOfErasure = erasures.some(({ at }) => at.sequence === base?.sequence);
  const younger = ids.slice(ids.indexOf(plan.base) + 1);
  const staying = segments.filter(({ segment }) => !goes.has(segment));
  const needed = staying.filter(({ lastSequence }) => lastSequence > (base?.sequence ?? 0));
  const last = staying.find((segment) => !needed.includes(segment));
  return [
    {
      what: plan.base,
      why: isOfErasure
        ? 'the state right after the newest erasure: what came before never comes back'
        : `the newest sound snapshot at or before ${boundary}: what came since is restored from it`,
    },
    ...(younger.length > 0
      ? [{ what: counted(younger.length, 'snapshot'), why: `younger than ${boundary}` }]
      : []),
    ...plan.kept.map((id) => ({ what: id, why: 'protected; entdb restore release ends that' })),
    ...(needed.length > 0
      ? [
          {
            what: counted(needed.length, 'segment'),
            why: `they hold the records after ${plan.base}`,
          },
        ]
      : []),
    ...restorePoints
      .filter(({ sequence }) => !plan.restorePoints.includes(sequence))
      .map(({ sequence }) => ({
        what: `the restore point of record ${sequence}`,
        why: 'a restore may come by the record that names it',
      })),
    ...(last
      ? [{ what: last.segment, why: 'the last one: the archiver finds in it where to go on' }]
      : []),
  ];
}

const counted = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
