import { assertNever, EntError, parseIdempotencyKey } from '@entdb/base';
import type { Limit } from './limit.ts';

/** What a restore is asked to reach. `inclusive`: the record or the instant that is named still belongs to it. */
export type RestoreTarget =
  /** Everything that can be had. */
  | { readonly kind: 'latest' }
  | { readonly kind: 'time'; readonly timeMs: number; readonly inclusive: boolean }
  /** An offset of the tenant's partition; that of another tenant's record cuts as well. */
  | { readonly kind: 'position'; readonly offset: number; readonly inclusive: boolean }
  | { readonly kind: 'sequence'; readonly sequence: number; readonly inclusive: boolean }
  /** The first record that has this idempotency key. */
  | { readonly kind: 'key'; readonly key: string; readonly inclusive: boolean }
  /** A snapshot as it is, with nothing applied to it. */
  | { readonly kind: 'snapshot'; readonly id: string };

/** The target as a cut, where it is one already: a key must be looked for first, a snapshot be looked up. */
export function limitOf(
  target: Exclude<RestoreTarget, { readonly kind: 'key' | 'snapshot' }>,
): Limit {
  switch (target.kind) {
    case 'latest':
      return { kind: 'latest' };
    case 'time':
      return { kind: 'time', timeMs: target.inclusive ? target.timeMs : target.timeMs - 1 };
    case 'position':
      return { kind: 'offset', offset: target.inclusive ? target.offset : target.offset - 1 };
    case 'sequence':
      return {
        kind: 'sequence',
        sequence: target.inclusive ? target.sequence : target.sequence - 1,
      };
    default:
      return assertNever(target);
  }
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;

/**
 * An ISO time with its zone, as milliseconds since 1970. A time without a zone would mean another instant on another machine: INVALID_TARGET, as is a
 * date that the calendar does not have, and more digits than log times have.
 */
export function parseInstant(text: string): number {
  const ms = instant.test(text) ? Date.parse(text) : NaN;
  if (Number.isSafeInteger(ms) && isOnCalendar(text)) return ms;
  throw new EntError('INVALID_TARGET', `${JSON.stringify(text)} is not an ISO time with a zone`, {
    field: 'target_time',
    hint: 'write it like 2026-01-15T14:30:00.250Z or 2026-01-15T15:30:00+01:00; milliseconds at the finest',
  });
}

/** The parser takes 30 February for 2 March; a person who writes it means something else. */
function isOnCalendar(text: string): boolean {
  const [year, month, day] = text.slice(0, 10).split('-').map(Number);
  const date = new Date(Date.UTC(year!, month! - 1, day));
  return date.getUTCMonth() === month! - 1 && date.getUTCDate() === day;
}

/** Throws INVALID_TARGET for numbers that no record can have, and INVALID_IDEMPOTENCY_KEY. */
export function checkTarget(target: RestoreTarget): RestoreTarget {
  switch (target.kind) {
    case 'latest':
    case 'snapshot':
      return target;
    case 'time':
      return whole(target, 'time', target.timeMs);
    case 'position':
      return whole(target, 'position', target.offset);
    case 'sequence':
      return whole(target, 'sequence', target.sequence);
    case 'key':
      parseIdempotencyKey(target.key);
      return target;
    default:
      return assertNever(target);
  }
}

function whole(target: RestoreTarget, field: string, value: number): RestoreTarget {
  if (Number.isSafeInteger(value) && value >= 0) return target;
  throw new EntError('INVALID_TARGET', `${value} is not a ${field} that a record can have`, {
    field,
    hint: 'sequences count from 1, offsets from 0; both are whole numbers, and so are times in milliseconds',
  });
}

/** For people: `time 2026-01-15T14:30:00.000Z (inclusive)`. */
export function describeTarget(target: RestoreTarget): string {
  const name = nameOf(target);
  return 'inclusive' in target && !target.inclusive ? `before ${name}` : name;
}

function nameOf(target: RestoreTarget): string {
  switch (target.kind) {
    case 'latest':
      return 'the latest record';
    case 'time':
      return `time ${new Date(target.timeMs).toISOString()}`;
    case 'position':
      return `offset ${target.offset}`;
    case 'sequence':
      return `record ${target.sequence}`;
    case 'key':
      return `idempotency key ${JSON.stringify(target.key)}`;
    case 'snapshot':
      return `snapshot ${target.id}`;
    default:
      return assertNever(target);
  }
}
