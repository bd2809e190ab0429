import { EntError } from '@entdb/base';
import { parseInstant, type RestoreTarget } from '@entdb/snapshot';

/** Each costs a working copy on the disk and four segments in memory. */
const parallelMax = 64;

/** A target as flags and settings have it: text, at most one of the first five. */
export interface TargetWords {
  readonly time?: string | undefined;
  readonly position?: string | undefined;
  readonly sequence?: string | undefined;
  readonly key?: string | undefined;
  readonly latest?: boolean | undefined;
  /** What is named does not belong to it any more. */
  readonly exclusive?: boolean | undefined;
}

/** Throws INVALID_TARGET: none, several, a time without its zone, a number that is none. */
export function parseTarget(words: TargetWords): RestoreTarget {
  const { time, position, sequence, key, latest = false, exclusive = false } = words;
  const inclusive = !exclusive;
  const named: RestoreTarget[] = [];
  if (time !== undefined) named.push({ kind: 'time', timeMs: parseInstant(time), inclusive });
  if (position !== undefined)
    named.push({ kind: 'position', offset: parseCount('target_position', position), inclusive });
  if (sequence !== undefined)
    named.push({ kind: 'sequence', sequence: parseCount('target_sequence', sequence), inclusive });
  if (key !== undefined) named.push({ kind: 'key', key, inclusive });
  if (latest) named.push({ kind: 'latest' });
  const [target, second] = named;
  if (!target || second)
    throw new EntError(
      'INVALID_TARGET',
      second ? 'more than one target is named' : 'no target is named',
      { hint: 'name one of: a time, a position, a sequence, a key, or the latest record' },
    );
  if (target.kind === 'latest' && exclusive)
    throw new EntError('INVALID_TARGET', 'the latest record cannot be left out by name', {
      hint: 'name its sequence with --exclusive; entdb restore plan --latest prints it',
    });
  return target;
}

/** An offset or a sequence, as a person writes it. Throws INVALID_TARGET. */
export function parseCount(field: string, text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new EntError('INVALID_TARGET', `${JSON.stringify(text)} is not a whole number`, {
    field,
    hint: 'write digits only, such as 12345',
  });
}

/** How many tenants at the same time, as a person writes it. Throws INVALID_ARGUMENT. */
export function parseParallel(text: string): number {
  const value = /^\d{1,3}$/.test(text) ? Number(text) : NaN;
  if (value >= 1 && value <= parallelMax) return value;
  throw new EntError(
    'INVALID_ARGUMENT',
    `${JSON.stringify(text)} is no number of tenants at once`,
    {
      field: 'parallel',
      hint: `write a whole number from 1 to ${parallelMax}`,
    },
  );
}
