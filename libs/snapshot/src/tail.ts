import { EntError } from '@entdb/base';
import type { PlacedRecord } from '@entdb/tenant-store';
import type { LogRecord, Wal } from '@entdb/wal';
import { isWithin, pointAfter } from './limit.ts';
import { assertDigests, decodeAt, pointAt, type ReplayOptions } from './replay.ts';
import type { WorkingCopy } from './working-copy.ts';
import type { LogReach, PlannedTail } from './plan.ts';

/** The log, and the name under which the archiver leaves its marks there. */
export interface LogAtHand {
  readonly wal: Wal;
  readonly topic: string;
  readonly partition: number;
  readonly archiverGroup: string;
}

/**
 * How far the log reaches. To be asked before the archive is listed: then every record below the mark is in that listing, and a tenant whose
 * last archived record lies before the mark has no other record below it.
 */
export async function reachOf({
  wal,
  topic,
  partition,
  archiverGroup,
}: LogAtHand): Promise<LogReach> {
  const archivedOffset = (await wal.committed(archiverGroup, topic, partition)) ?? 0;
  const { startOffset, endOffset } = await wal.bounds(topic, partition);
  return { topic, partition, startOffset, endOffset, archivedOffset };
}

export interface TailOptions extends Pick<
  ReplayOptions,
  'limit' | 'expected' | 'signal' | 'onApplied' | 'onCompared'
> {
  readonly tail: Extract<PlannedTail, { readonly kind: 'log' }>;
  /** Where the log ended when the plan was made: what comes later is not waited for. */
  readonly endOffset: number;
}

/**
 * Applies the tenant's records of the log from the plan's offset, or from the writer's position where that is further, up to the limit or the end. Where the
 * log still has the tenant's last archived record, that record must be the tenant's own: another log would be found out by it.
 *
 * Returns whether the limit was met, or the key found.
 */
export async function replayTail(
  { wal, topic, partition }: LogAtHand,
  copy: WorkingCopy,
  options: TailOptions,
): Promise<boolean> {
  const { tail, endOffset, expected, onApplied, onCompared } = options;
  const { tenantId } = copy;
  await assertSameLog({ wal, topic, partition }, copy, options.signal);
  const from = Math.max(tail.fromOffset, copy.writer.position.offset + 1);
  let met = false;
  await readLog(
    { wal, topic, partition },
    { from, endOffset, ...(options.signal && { signal: options.signal }) },
    async (records) => {
      let rest = records.filter(({ key }) => key === tenantId);
      do {
        const cut = cutRecords(copy, rest, options);
        if (cut.records.length > 0) await copy.apply(cut.records, cut.at);
        const digests = cut.records.length > 0 ? expected?.get(cut.at.sequence) : undefined;
        if (digests) {
          assertDigests(tenantId, cut.at, digests, copy.writer.digests());
          onCompared?.();
        }
        onApplied?.(cut.at);
        met = cut.met;
        rest = rest.slice(cut.records.length);
      } while (!met && rest.length > 0);
      return met ? 'stop' : 'go on';
    },
  );
  return met;
}

/** What can be applied at once: up to the limit, or to a record whose digests are known. */
function cutRecords(
  { tenantId, writer }: WorkingCopy,
  records: readonly LogRecord[],
  { limit, expected, tail: { key } }: TailOptions,
) {
  const taken: PlacedRecord[] = [];
  let at = pointAt(writer.position);
  for (const { topic, partition, offset, timeMs, value } of records) {
    const next = pointAfter(at, { offset, timeMs });
    if (!isWithin(limit, next)) return { records: taken, at, met: true };
    const record = decodeAt(tenantId, next, value);
    const isKey = key !== undefined && record.idempotencyKey === key.key;
    if (isKey && !key.inclusive) return { records: taken, at, met: true };
    taken.push({ topic, partition, offset, timeMs, record });
    at = next;
    if (isKey) return { records: taken, at, met: true };
    if (expected?.has(at.sequence)) break;
  }
  return { records: taken, at, met: false };
}

type LogPlace = Pick<LogAtHand, 'wal' | 'topic' | 'partition'>;

async function assertSameLog(
  place: LogPlace,
  { tenantId, writer }: WorkingCopy,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { topic, partition } = place;
  const { offset } = writer.position;
  const { startOffset, endOffset } = await place.wal.bounds(topic, partition);
  if (offset < 0 || offset < startOffset || offset >= endOffset) return;
  await readLog(
    place,
    { from: offset, endOffset: offset + 1, ...(signal && { signal }) },
    ([record]) => {
      if (record && record.key === tenantId) return 'stop';
      throw new EntError(
        'ARCHIVE_CONFLICT',
        `offset ${offset} of ${topic}/${partition} has a record of ${JSON.stringify(record?.key)}, and the archive has one of ${tenantId} there`,
        { tenantId, hint: 'this is not the log that was archived' },
      );
    },
  );
}

type Next = 'go on' | 'stop';

/** Hands out what stands between two offsets, and ends there. */
export async function readLog(
  { wal, topic, partition }: LogPlace,
  range: { readonly from: number; readonly endOffset: number; readonly signal?: AbortSignal },
  take: (records: readonly LogRecord[]) => Next | Promise<Next>,
): Promise<void> {
  const { from, endOffset, signal } = range;
  if (from >= endOffset) return;
  const done = new AbortController();
  await wal.consume({
    topic,
    from: new Map([[partition, from]]),
    signal: signal ? AbortSignal.any([signal, done.signal]) : done.signal,
    onBatch: async ({ records }) => {
      if (done.signal.aborted) return;
      const wanted = records.filter(({ offset }) => offset < endOffset);
      const next = await take(wanted);
      const last = records.at(-1);
      if (next === 'stop' || (last && last.offset + 1 >= endOffset)) done.abort();
    },
  });
  signal?.throwIfAborted();
}
