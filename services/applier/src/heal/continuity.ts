import { EntError } from '@entdb/base';
import { archiverGroup, walTopic, type LogRecord, type Wal } from '@entdb/wal';
import { logStartPassed } from '../log-start-passed.ts';

/** A partition of the log, and what the archiver says of it. */
export interface Reach {
  readonly partition: number;
  /** Every record below it is in the archive: the archiver's mark; 0 where there is none. */
  readonly archivedOffset: number;
  readonly startOffset: number;
  readonly endOffset: number;
}

/**
 * The mark is read first. So what is listed of the archive afterwards has every record below it: a tenant whose last archived record stands at L has no other
 * between L and the mark.
 */
export async function reachOf(
  wal: Pick<Wal, 'bounds' | 'committed'>,
  partition: number,
): Promise<Reach> {
  const mark = (await wal.committed(archiverGroup, walTopic, partition)) ?? 0;
  const { startOffset, endOffset } = await wal.bounds(walTopic, partition);
  return { partition, archivedOffset: Math.min(mark, endOffset), startOffset, endOffset };
}

/**
 * The offset that a tenant goes on at whose archive ends at `lastOffset`. Throws ARCHIVE_GAP where records of it may be in neither log nor archive, and LOG_TRUNCATED where
 * the log is older than the archive.
 */
export function continueAt(
  tenantId: string,
  lastOffset: number,
  { partition, archivedOffset, startOffset, endOffset }: Reach,
): number {
  const position = { topic: walTopic, partition, offset: lastOffset };
  if (endOffset <= lastOffset)
    throw new EntError(
      'LOG_TRUNCATED',
      `partition ${partition} of ${walTopic} ends at offset ${endOffset}, and the archive of tenant ${tenantId} has offset ${lastOffset}`,
      {
        tenantId,
        position,
        hint: 'this log is not the one that was archived, or it lost its end',
      },
    );
  const next = Math.max(lastOffset + 1, archivedOffset);
  if (next >= startOffset) return next;
  throw new EntError(
    'ARCHIVE_GAP',
    `the archive of tenant ${tenantId} ends at offset ${lastOffset}, that of its partition at ${archivedOffset}, and the log begins at ${startOffset}: what lies between is in neither`,
    {
      tenantId,
      position,
      hint: 'another replica may still have the tenant: copy its files; see docs/errors/ARCHIVE_GAP.md',
    },
  );
}

/** Why a partition cannot be begun at the log's start: there may be tenants of which nobody knows. */
export function partitionGap(wanted: number, reach: Reach): EntError | undefined {
  const { partition, archivedOffset, startOffset } = reach;
  if (archivedOffset >= startOffset) return undefined;
  return logStartPassed(
    partition,
    wanted,
    startOffset,
    `the archive reaches to offset ${archivedOffset}`,
  );
}

/** Where the log still has the tenant's last archived record, it must be the tenant's. Throws ARCHIVE_CONFLICT. */
export async function assertSameLog(
  wal: Pick<Wal, 'consume'>,
  tenantId: string,
  lastOffset: number,
  { partition, startOffset, endOffset }: Reach,
  signal: AbortSignal,
): Promise<void> {
  if (lastOffset < startOffset || lastOffset >= endOffset) return;
  const done = new AbortController();
  let found: LogRecord | undefined;
  await wal.consume({
    topic: walTopic,
    from: new Map([[partition, lastOffset]]),
    signal: AbortSignal.any([signal, done.signal]),
    onBatch: async ({ records }) => {
      found ??= records[0];
      done.abort();
    },
  });
  signal.throwIfAborted();
  if (found?.key === tenantId) return;
  throw new EntError(
    'ARCHIVE_CONFLICT',
    `offset ${lastOffset} of partition ${partition} has a record of ${JSON.stringify(found?.key)}, and the archive has one of ${tenantId} there`,
    {
      tenantId,
      position: { topic: walTopic, partition, offset: lastOffset },
      hint: 'this is not the log that was archived',
    },
  );
}
