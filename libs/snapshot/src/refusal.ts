import { EntError, type ErrorCode } from '@entdb/base';
import type { ErasedAt } from './erased.ts';
import { idOf, windowsOf, type History } from './history.ts';
import { describeTarget, type RestoreTarget } from './target.ts';

/** Why there is no way to a target. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  /** Of the record that the refusal is about. */
  readonly position?: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
  };
}

export interface Refused {
  readonly kind: 'refused';
  readonly refusal: Refusal;
}

export function refused(code: ErrorCode, message: string, hint: string): Refused {
  return { kind: 'refused', refusal: { code, message, hint } };
}

/** One that is there and damaged is told as that. */
export function noSuchSnapshot({ tenantId, snapshots, damaged }: History, id: string): Refused {
  const newest = snapshots.at(-1);
  const damage = damaged.find(({ object }) => object === id);
  if (damage)
    return refused(
      damage.code,
      `${id} of tenant ${tenantId} cannot be used: ${damage.reason}`,
      'restore to its time instead: other snapshots and the archive may lead there',
    );
  return refused(
    'SNAPSHOT_NOT_FOUND',
    `tenant ${tenantId} has no complete snapshot ${id}`,
    newest
      ? `the newest is ${idOf(newest)}; list-snapshots prints all`
      : 'it has no snapshot at all',
  );
}

export function beforeEverything(history: History, target: RestoreTarget): Refused {
  const first = windowsOf(history)[0]?.first;
  return refused(
    'TARGET_BEFORE_FIRST',
    `${describeTarget(target)} lies before everything that can be restored of tenant ${history.tenantId}`,
    first
      ? `the first is record ${first.sequence} at offset ${first.offset}, ${new Date(first.timeMs).toISOString()}`
      : 'nothing of it can be restored from the archive',
  );
}

/** The target lies before the tenant's newest erasure, or what can be had ends before it. */
export function erasedAfter(
  { tenantId }: History,
  place: { readonly topic: string; readonly partition: number },
  { at, damage }: ErasedAt,
  what: string,
): Refused {
  const { topic, partition } = place;
  const where = damage ? '' : ` at offset ${at.offset}, ${new Date(at.timeMs).toISOString()}`;
  return {
    kind: 'refused',
    refusal: {
      code: 'TENANT_ERASED',
      message: `tenant ${tenantId} was erased by its record ${at.sequence}${where}: ${what} before that`,
      hint: `nothing from before an erasure comes back; the first record that can be restored is ${at.sequence}`,
      ...(!damage && { position: { topic, partition, offset: at.offset } }),
    },
  };
}

/** What a person or a program is told who asked for the restore. */
export function refusalError(
  tenantId: string,
  { code, message, hint, position }: Refusal,
): EntError {
  return new EntError(code, message, { tenantId, hint, ...(position && { position }) });
}
