import { isEntError, type EntError, type ErrorCode } from '@entdb/base';

/** An object that was found wrong. */
export interface Damage {
  readonly object: string;
  readonly code: ErrorCode;
  readonly reason: string;
  /** Of a segment: where it stands. */
  readonly firstSequence?: number;
}

/** What an object may be found to be. Everything else is a failure of the store, and says nothing of the object. */
const damageCodes: readonly ErrorCode[] = [
  'SEGMENT_CORRUPT',
  'SNAPSHOT_CORRUPT',
  'UNKNOWN_FORMAT',
  'OBJECT_CORRUPT',
  'OBJECT_NOT_FOUND',
  'INVALID_ARGUMENT', // larger than any object of its kind
];

export function isDamage(error: unknown): error is EntError {
  return isEntError(error) && damageCodes.includes(error.code);
}

/** What a read gives, or the damage that it finds. Throws the store's own failures. */
export async function judged<T>(
  object: string,
  firstSequence: number | undefined,
  read: () => Promise<T>,
): Promise<{ readonly value?: T; readonly damage?: Damage }> {
  try {
    return { value: await read() };
  } catch (error) {
    if (!isDamage(error)) throw error;
    const { code, message } = error;
    const place = firstSequence === undefined ? {} : { firstSequence };
    return { damage: { object, code, reason: message, ...place } };
  }
}
