import type { ArchivedRecord, SegmentChecksum } from '@entdb/archive-format';
import { EntError } from '@entdb/base';
import { decodeWalRecord } from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';
import type { PlacedRecord, TenantPosition } from '@entdb/tenant-store';
import { isExhausted, isWithin, pointAfter, type Limit, type Point } from './limit.ts';
import { readAhead } from './map-bounded.ts';
import { segmentReaderFor, type SegmentReader } from './segment-reader.ts';
import type { WorkingCopy } from './working-copy.ts';

/** Segments are fetched while earlier ones are applied: at most so many, and so many stored bytes, beside the one in hand. */
const segmentsAhead = 4;
const bytesAhead = 32 * 1024 * 1024;
const segmentBytesMax = 256 * 1024 * 1024;

export interface ReplayOptions {
  readonly limit: Limit;
  /** Digests that must hold right after a record, by its sequence. */
  readonly expected?: ReadonlyMap<number, Digests>;
  readonly signal?: AbortSignal;
  /** After each batch that was applied. */
  readonly onApplied?: (at: Point) => void;
  /** After digests were compared, and were the same. */
  readonly onCompared?: () => void;
  /** Each record that erases the tenant. */
  readonly onErasure?: (at: Point) => void;
}

export interface Digests {
  readonly canonical: string;
  /** Empty where it is not known. */
  readonly mailbox: string;
}

export const pointAt = ({ sequence, offset, logTimeUs }: TenantPosition): Point => ({
  sequence,
  offset,
  timeMs: logTimeUs / 1000,
});

export interface FetchedSegment {
  readonly segment: SegmentChecksum;
  readonly batches: AsyncIterable<readonly ArchivedRecord[]>;
}

/** Segments in order, fetched ahead of their use. */
export function fetchSegments(
  store: ObjectStore,
  segments: readonly SegmentChecksum[],
  reader: SegmentReader,
  { signal }: { readonly signal?: AbortSignal },
): AsyncGenerator<FetchedSegment, void> {
  const call = { bytesMax: segmentBytesMax, ...(signal && { signal }) };
  const ahead = {
    items: segmentsAhead,
    cost: (segment: SegmentChecksum) => segment.bytes,
    costMax: bytesAhead,
  };
  return readAhead(segments, ahead, async (segment) => ({
    segment,
    batches: reader.read(await store.read(segment.segment, call), segment),
  }));
}

/**
 * Applies what the segments hold beyond the writer's position, up to the limit, by the applier's own code. Every stored byte is checked before a record of it
 * is used, every record must be the next by number, and the writer is asked afterwards where it stands. A record that cannot be
 * applied ends it with that record's error: everything before it is in the files.
 *
 * Going on after a crash needs nothing but to be called again: the position is in the files.
 */
export async function replaySegments(
  store: ObjectStore,
  segments: readonly SegmentChecksum[],
  copy: WorkingCopy,
  options: ReplayOptions,
): Promise<void> {
  const { limit, signal } = options;
  const start = copy.writer.position.sequence;
  const ahead = segments.filter(({ lastSequence }) => lastSequence > start);
  const reader = segmentReaderFor(ahead.reduce((sum, { records }) => sum + records, 0));
  try {
    for await (const { segment, batches } of fetchSegments(store, ahead, reader, options)) {
      for await (const records of batches) {
        signal?.throwIfAborted();
        if (!(await applyArchived(copy, segment, records, options))) return;
      }
      if (isExhausted(limit, pointAt(copy.writer.position))) return;
    }
  } finally {
    await reader.close();
  }
}

/** False: the limit was met. */
async function applyArchived(
  copy: WorkingCopy,
  { topic, segment }: SegmentChecksum,
  records: readonly ArchivedRecord[],
  { limit, expected, onApplied, onCompared, onErasure }: ReplayOptions,
): Promise<boolean> {
  const { tenantId } = copy;
  let at = pointAt(copy.writer.position);
  let batch: PlacedRecord[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length > 0) await copy.apply(batch, at);
    batch = [];
  };
  for (const { sequence, partition, offset, timeMs, value } of records) {
    if (sequence <= at.sequence) {
      if (sequence === at.sequence) assertSameRecord(tenantId, segment, at, offset);
      continue;
    }
    const next = pointAfter(at, { offset, timeMs });
    if (next.sequence !== sequence || offset <= at.offset)
      throw conflict(
        tenantId,
        segment,
        `record ${sequence} at offset ${offset} does not follow record ${at.sequence} at offset ${at.offset}`,
      );
    if (!isWithin(limit, next)) {
      await flush();
      onApplied?.(at);
      return false;
    }
    const record = decodeAt(tenantId, next, value);
    batch.push({ topic, partition, offset, timeMs, record });
    if (record.body.case === 'tenantDeleted' && record.body.value.erase) onErasure?.(next);
    at = next;
    const digests = expected?.get(at.sequence);
    if (!digests) continue;
    await flush();
    assertDigests(tenantId, at, digests, copy.writer.digests());
    onCompared?.();
  }
  await flush();
  onApplied?.(at);
  return true;
}

export function decodeAt(
  tenantId: string,
  { sequence, offset }: Point,
  value: Uint8Array,
): PlacedRecord['record'] {
  try {
    return decodeWalRecord(tenantId, value);
  } catch (cause) {
    if (!(cause instanceof EntError)) throw cause;
    throw new EntError(cause.code, `record ${sequence} at offset ${offset}: ${cause.message}`, {
      ...cause.facts,
      cause,
      hint: `everything before it can be restored: ask for the position ${offset}, exclusive`,
    });
  }
}

export function assertDigests(
  tenantId: string,
  { sequence, offset }: Point,
  expected: Digests,
  actual: Digests,
): void {
  const same =
    actual.canonical === expected.canonical &&
    (expected.mailbox === '' || actual.mailbox === expected.mailbox);
  if (same) return;
  throw new EntError(
    'RESTORE_DIGEST_MISMATCH',
    `after record ${sequence} at offset ${offset} the digests are ${actual.canonical} and ${actual.mailbox}; they must be ${expected.canonical} and ${expected.mailbox || 'any'}`,
    {
      tenantId,
      metadata: {
        sequence: String(sequence),
        offset: String(offset),
        canonical: actual.canonical,
        mailbox: actual.mailbox,
        expected_canonical: expected.canonical,
        expected_mailbox: expected.mailbox,
      },
      hint: 'run: entdb verify --level restore; a snapshot, the archive or a live file is damaged',
    },
  );
}

function assertSameRecord(tenantId: string, segment: string, at: Point, offset: number): void {
  if (offset === at.offset) return;
  throw conflict(
    tenantId,
    segment,
    `record ${at.sequence} stands at offset ${offset}, and the files have it at offset ${at.offset}`,
  );
}

function conflict(tenantId: string, object: string, what: string): EntError {
  return new EntError('ARCHIVE_CONFLICT', `${object}: ${what}`, {
    tenantId,
    metadata: { object },
    hint: 'the objects are of two histories; run: entdb verify',
  });
}
