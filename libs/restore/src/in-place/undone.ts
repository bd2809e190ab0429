import { decodeSegment } from '@entdb/archive-format';
import { decodeWalRecord } from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';
import { loadCatalog, type LogAtHand, type Point } from '@entdb/snapshot';

/** The records that a restore in place takes back. */
export interface Undone {
  readonly records: number;
  /** Null where there is none. */
  readonly first: UndoneRecord | null;
  readonly last: Point | null;
  /** Idempotency keys of the first of them. */
  readonly keys: readonly string[];
}

export interface UndoneRecord extends Point {
  readonly key: string;
}

export interface UndoneRequest {
  readonly store: ObjectStore;
  readonly log: LogAtHand;
  readonly tenantId: string;
  /** The record whose state comes back. */
  readonly after: Point;
  /** Where the tenant stands. */
  readonly upTo: Point;
  readonly sample: number;
  readonly signal?: AbortSignal;
}

const segmentBytesMax = 256 * 1024 * 1024;

/** Reads no more than it takes to name the first few: from the archive, and from the log where the archive ends. */
export async function findUndone(request: UndoneRequest): Promise<Undone> {
  const { after, upTo, sample } = request;
  const records = upTo.sequence - after.sequence;
  if (records <= 0) return { records: 0, first: null, last: null, keys: [] };
  const found: UndoneRecord[] = [];
  for await (const record of recordsFrom(request)) {
    if (record.sequence > upTo.sequence) break;
    found.push(record);
    if (found.length >= Math.max(1, sample)) break;
  }
  return {
    records,
    first: found[0] ?? null,
    last: upTo,
    keys: found.slice(0, sample).map(({ key }) => key),
  };
}

async function* recordsFrom(request: UndoneRequest): AsyncGenerator<UndoneRecord, void> {
  const { store, tenantId, after, signal } = request;
  const call = signal ? { signal } : {};
  const { history } = await loadCatalog(store, tenantId, {
    afterSequence: after.sequence,
    ...call,
  });
  let at = after;
  const next = (offset: number, timeMs: number, value: Uint8Array): UndoneRecord => {
    at = { sequence: at.sequence + 1, offset, timeMs: Math.max(at.timeMs, timeMs) };
    return { ...at, key: decodeWalRecord(tenantId, value).idempotencyKey };
  };
  const segments = history.segments.filter(({ lastSequence }) => lastSequence > after.sequence);
  for (const segment of segments) {
    if (segment.firstSequence > at.sequence + 1) return; // a hole: the preview's restore has passed it by, this is a sample
    const bytes = await store.read(segment.segment, { bytesMax: segmentBytesMax, ...call });
    for await (const records of decodeSegment(bytes, segment))
      for (const { sequence, offset, timeMs, value } of records)
        if (sequence === at.sequence + 1) yield next(offset, timeMs, value);
  }
  for await (const { offset, timeMs, value } of onLog(request, at))
    yield next(offset, timeMs, value);
}

/** The tenant's records on the log after a point, up to the offset where it stands. */
async function* onLog(
  { log, tenantId, upTo, sample, signal }: UndoneRequest,
  after: Point,
): AsyncGenerator<{ offset: number; timeMs: number; value: Uint8Array }, void> {
  const { wal, topic, partition } = log;
  const { startOffset } = await wal.bounds(topic, partition);
  const from = Math.max(startOffset, after.offset + 1);
  if (from > upTo.offset) return;
  const found: { offset: number; timeMs: number; value: Uint8Array }[] = [];
  const done = new AbortController();
  await wal.consume({
    topic,
    from: new Map([[partition, from]]),
    signal: signal ? AbortSignal.any([signal, done.signal]) : done.signal,
    onBatch: async ({ records }) => {
      for (const { key, offset, timeMs, value } of records)
        if (key === tenantId && offset <= upTo.offset && found.length < Math.max(1, sample))
          found.push({ offset, timeMs, value });
      const last = records.at(-1)?.offset ?? -1;
      if (last >= upTo.offset || found.length >= Math.max(1, sample)) done.abort();
    },
  });
  signal?.throwIfAborted();
  yield* found;
}
