import { EntError } from '@entdb/base';
import { partitionMissing } from '../topic-errors.ts';
import type { LogBounds } from '../wal.ts';

/** Why the log cannot be read on from an offset, if it cannot. Pure. */
export function positionFault(
  topic: string,
  partition: number,
  wanted: number,
  bounds: LogBounds,
): EntError | undefined {
  const where = `${topic}/${partition}`;
  const position = { topic, partition, offset: wanted };
  if (wanted < bounds.startOffset) {
    return new EntError(
      'LOG_START_PASSED',
      `${where} begins at offset ${bounds.startOffset}; ${wanted} is no longer held`,
      {
        position,
        hint: 'restore from a snapshot and the archive',
      },
    );
  }
  if (wanted > bounds.endOffset) {
    return new EntError(
      'LOG_TRUNCATED',
      `${where} ends at offset ${bounds.endOffset}; ${wanted} was wanted`,
      {
        position,
        hint: 'the log lost records, or it is another log: do not write to it before this is understood',
      },
    );
  }
  return undefined;
}

/** What is known of one partition. */
export function entryOf<T>(entries: ReadonlyMap<number, T>, topic: string, partition: number): T {
  const entry = entries.get(partition);
  if (entry !== undefined) return entry;
  throw partitionMissing(topic, partition, entries.size);
}
