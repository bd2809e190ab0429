import { isEntError } from '@entdb/base';
import { walTopic, type LogRecord, type Wal } from '@entdb/wal';
import { conflict, gap, type Where } from './verdicts.ts';

/**
 * The records of a tenant from one offset to another, both included, beside the reading of the partition. They must all be in the log: a range that it no
 * longer holds is a gap, and one that it does not hold yet is of another log.
 */
export async function readRange(
  wal: Wal,
  where: Where,
  range: { readonly from: number; readonly to: number },
  object: string,
  signal: AbortSignal,
): Promise<readonly LogRecord[]> {
  const { tenantId, partition } = where;
  const { endOffset } = await wal.bounds(walTopic, partition);
  if (endOffset <= range.to) throw beyond(where, object, endOffset);
  const found: LogRecord[] = [];
  const done = new AbortController();
  try {
    await wal.consume({
      topic: walTopic,
      from: new Map([[partition, range.from]]),
      signal: AbortSignal.any([signal, done.signal]),
      onBatch: async ({ records }) => {
        for (const record of records)
          if (record.key === tenantId && record.offset <= range.to) found.push(record);
        if (records.at(-1)!.offset >= range.to) done.abort();
      },
    });
  } catch (error) {
    if (isEntError(error, 'LOG_START_PASSED'))
      throw gap(
        where,
        range.from,
        `${object} has no checksum, and the log no longer holds its records`,
      );
    if (isEntError(error, 'LOG_TRUNCATED')) throw beyond(where, object, endOffset);
    throw error;
  }
  signal.throwIfAborted();
  return found;
}

function beyond(where: Where, object: string, endOffset: number): Error {
  return conflict(
    where,
    object,
    endOffset,
    `the archive is ahead of the log, which ends at ${endOffset}`,
  );
}
