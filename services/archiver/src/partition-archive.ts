import { parseTenantId, type EntError, type Logger } from '@entdb/base';
import type { LogBatch, LogRecord } from '@entdb/wal';
import { widen, type Beginning, type Hole } from './hole.ts';
import type { PartitionView, TenantArchive } from './tenant-archive.ts';

/** A partition: which of its records have been read, and which of those are not in the archive. */
export interface PartitionArchive {
  readonly partition: number;
  /** The next offset to be read. */
  readonly nextOffset: number;
  readonly endOffset: number;
  take(batch: LogBatch): void;
  observeEnd(endOffset: number): void;
  /** The log lost what had to come next. */
  passHole(hole: Hole): void;
  /** Nothing more can be read. */
  fail(error: EntError): void;
  readonly failure: EntError | undefined;
  readonly hole: Hole | undefined;
  tenants(): Iterable<TenantArchive>;
  /** Lets go of tenants of which all is archived, the longest silent first, where there are too many. */
  forget(): void;
  /** Every record below it is in the archive, of every tenant. */
  mark(): number;
  /** The mark has been set here. */
  markSet(offset: number): void;
  lag(nowMs: number): ArchiveLag;
}

export interface ArchiveLag {
  /** On the log, and not in the archive. */
  readonly records: number;
  /** Age of the oldest of them by its log-append time; 0 where there is none. */
  readonly ageMs: number;
  /** From the oldest of them to the end of the log, those of archived records among them too: estimated by the mean of what was read. */
  readonly bytes: number;
}

export interface PartitionArchiveOptions {
  readonly partition: number;
  readonly beginning: Beginning;
  readonly endOffset: number;
  /** Log time from which on the records are to be read: an age that no record read so far disproves. */
  readonly beganMs: number;
  readonly openTenant: (tenantId: string, view: PartitionView) => TenantArchive;
  /** Beyond this number tenants are forgotten; they can be looked up again. */
  readonly tenantsMax: number;
  /** A record under a key that is no tenant id: it belongs to nobody. */
  readonly onUnowned: () => void;
  readonly logger: Logger;
}

export function createPartitionArchive(options: PartitionArchiveOptions): PartitionArchive {
  const { partition, beginning, openTenant, tenantsMax, logger } = options;
  const view = {
    beganAt: beginning.offset,
    hole: beginning.hole,
    forgottenThrough: -1,
    nextOffset: beginning.offset,
    marked: beginning.hole?.from ?? beginning.offset,
  };
  /** The one whose record came last stands last. */
  const tenants = new Map<string, TenantArchive>();
  let endOffset = Math.max(options.endOffset, beginning.offset);
  let readThroughMs = options.beganMs;
  let recordsSeen = 0;
  let bytesSeen = 0;
  let failure: EntError | undefined;

  const tenantOf = (key: string): TenantArchive => {
    const tenant = tenants.get(key) ?? openTenant(parseTenantId(key), view);
    tenants.delete(key);
    tenants.set(key, tenant);
    return tenant;
  };

  return {
    partition,
    get nextOffset() {
      return view.nextOffset;
    },
    get endOffset() {
      return endOffset;
    },
    get failure() {
      return failure;
    },
    get hole() {
      return view.hole;
    },
    take(batch) {
      for (const record of batch.records) {
        if (record.offset < view.nextOffset) continue;
        view.nextOffset = record.offset + 1;
        readThroughMs = record.timeMs;
        recordsSeen += 1;
        bytesSeen += bytesOf(record);
        if (tenants.has(record.key) || isTenantId(record.key)) {
          tenantOf(record.key).take(record);
        } else {
          options.onUnowned();
          logger.error(
            { partition, offset: record.offset, key: record.key.slice(0, 140) },
            'a record under a key that is no tenant id belongs to nobody, and is not archived',
          );
        }
      }
      endOffset = Math.max(batch.endOffset, view.nextOffset);
    },
    observeEnd(end) {
      endOffset = Math.max(end, view.nextOffset);
    },
    passHole(hole) {
      view.hole = widen(view.hole, hole);
      view.nextOffset = Math.max(view.nextOffset, hole.to);
      endOffset = Math.max(endOffset, view.nextOffset);
    },
    fail(error) {
      failure = error;
    },
    tenants: () => tenants.values(),
    forget() {
      let surplus = tenants.size - tenantsMax;
      for (const [key, { forgettable }] of tenants) {
        if (surplus <= 0) return;
        if (forgettable === undefined) continue;
        surplus -= 1;
        tenants.delete(key);
        view.forgottenThrough = Math.max(view.forgottenThrough, forgettable);
      }
    },
    mark() {
      let mark = Math.min(view.nextOffset, view.hole?.from ?? view.nextOffset);
      for (const { holdsMarkAt } of tenants.values()) mark = Math.min(mark, holdsMarkAt ?? mark);
      return mark;
    },
    markSet(offset) {
      view.marked = offset;
    },
    lag(nowMs) {
      let records = endOffset - view.nextOffset;
      let oldestMs = records > 0 ? readThroughMs : nowMs;
      let oldest = view.nextOffset;
      for (const { unarchived } of tenants.values()) {
        records += unarchived.records;
        oldestMs = Math.min(oldestMs, unarchived.first?.timeMs ?? oldestMs);
        oldest = Math.min(oldest, unarchived.first?.offset ?? oldest);
      }
      const each = recordsSeen === 0 ? 0 : bytesSeen / recordsSeen;
      return {
        records,
        ageMs: Math.max(0, nowMs - oldestMs),
        bytes: records === 0 ? 0 : (endOffset - oldest) * each,
      };
    },
  };
}

/** What Kafka adds to a record is some ten bytes, and what it compresses is not known here: rather too much than too little. */
const bytesOf = ({ key, value }: LogRecord): number => key.length + value.byteLength + 16;

function isTenantId(key: string): boolean {
  try {
    parseTenantId(key);
    return true;
  } catch {
    return false; // the answer to the question
  }
}
