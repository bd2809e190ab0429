import type { Erasure, SegmentChecksum } from '@entdb/archive-format';
import type { Damage } from './damage.ts';
import type { Point } from './limit.ts';

/** A record that erased the tenant. A restore that does not hold it would bring back what came before it. */
export interface ErasedAt {
  readonly at: Point;
  /** The object that says so; absent where the record itself was met on the log, not archived yet. */
  readonly object?: string;
  readonly damage?: Damage;
}

/** An object that cannot be read still erases: its name has the sequence. Of the rest the latest that can be is taken. */
export function erasedBy(
  { object, sequence }: { readonly object: string; readonly sequence: number },
  read: { readonly value?: Erasure; readonly damage?: Damage },
  segments: readonly SegmentChecksum[],
): ErasedAt {
  const { value, damage } = read;
  if (value) return { at: { sequence, offset: value.offset, timeMs: value.timeMs }, object };
  const holder = segments.find(
    ({ firstSequence, lastSequence }) => firstSequence <= sequence && sequence <= lastSequence,
  );
  const at: Point = {
    sequence,
    offset: holder?.lastOffset ?? Number.MAX_SAFE_INTEGER,
    timeMs: holder?.lastTimeMs ?? timeMsMax,
  };
  return { at, object, ...(damage && { damage }) };
}

const timeMsMax = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
