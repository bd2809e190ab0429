import { assertNever } from '@entdb/base';
import type { Cut } from './cut.ts';
import { idOf, type History } from './history.ts';
import { beforeFirst, isWithin, pointOf } from './limit.ts';
import type { PlannedBase, PlanOptions } from './plan.ts';
import { noSuchSnapshot, refused, type Refused } from './refusal.ts';

/** The points to start from, newest first, that belong to the prefix. */
export function basesFor(
  history: History,
  { limit, snapshotId }: Cut,
  { from, existing, passedOver = [] }: PlanOptions,
): { readonly kind: 'bases'; readonly bases: readonly PlannedBase[] } | Refused {
  const scratch: PlannedBase = { kind: 'scratch', at: beforeFirst };
  const damaged = new Set(passedOver.map(({ object }) => object));
  const fitting = history.snapshots
    .filter((snapshot) => isWithin(limit, pointOf(snapshot)))
    .map((manifest): PlannedBase & { readonly kind: 'snapshot' } => ({
      kind: 'snapshot',
      at: pointOf(manifest),
      id: idOf(manifest),
      manifest,
    }))
    .reverse();
  const named = (id: string) => {
    const base = fitting.find((fit) => fit.id === id);
    if (base) return { kind: 'bases', bases: [base] } as const;
    if (!history.snapshots.some((snapshot) => idOf(snapshot) === id))
      return noSuchSnapshot(history, id);
    return refused(
      'INVALID_TARGET',
      `the target lies before ${id}`,
      'name an earlier snapshot, or none',
    );
  };
  if (snapshotId !== undefined) return named(snapshotId);
  switch (from.kind) {
    case 'best': {
      const sound: readonly PlannedBase[] = [
        ...fitting.filter(({ id }) => !damaged.has(id)),
        scratch,
      ];
      if (!existing || !isWithin(limit, existing)) return { kind: 'bases', bases: sound };
      const isBeyond = ({ at }: PlannedBase) => at.sequence > existing.sequence;
      const folder: PlannedBase = { kind: 'folder', at: existing };
      const bases = [...sound.filter(isBeyond), folder, ...sound.filter((base) => !isBeyond(base))];
      return { kind: 'bases', bases };
    }
    case 'scratch':
      return { kind: 'bases', bases: [scratch] };
    case 'snapshot':
      return named(from.id);
    case 'folder':
      if (isWithin(limit, from.at))
        return { kind: 'bases', bases: [{ kind: 'folder', at: from.at }] };
      return refused(
        'INVALID_TARGET',
        `the files stand at offset ${from.at.offset}, beyond the target`,
        'restore into an empty folder instead',
      );
    default:
      return assertNever(from);
  }
}
