import { firstLink, nextLink, type ArchivedRecord, type ChainLink } from '@entdb/archive-format';
import type { EntError } from '@entdb/base';
import { walTopic, type LogBounds, type LogRecord } from '@entdb/wal';
import { createRecordBuffer } from './buffer.ts';
import { isBroken, type Hole } from './hole.ts';
import type { Packed } from './packing/pack.ts';
import type { Packers } from './packing/packers.ts';
import { dueBecause, type CutReason, type RollLimits, type Waiting } from './roll-policy.ts';
import { isSame, type Settled, type Settler } from './settle.ts';
import type { Found } from './find-last.ts';
import { conflict, gap, isVerdict, type Where } from './verdicts.ts';

/**
 * The archive of one tenant: its records come in, in order; segments go out, one after another. It finds in the store how far the archive reaches,
 * passes over what that holds, and numbers what follows. A verdict (a conflict, a gap) stops it for good, and nobody else.
 */
export interface TenantArchive {
  readonly tenantId: string;
  take(record: LogRecord): void;
  /** Cuts what is due, in the background; judges what has not come. */
  tend(): void;
  /** Cuts what waits, due or not. */
  cutEarly(): void;
  readonly waiting: Waiting;
  /** Bytes of memory. */
  readonly held: number;
  /** Whether a lookup or a segment is under way, or asked for. */
  readonly busy: boolean;
  /** Records of it that were read from the log and are not in the archive. */
  readonly unarchived: Unarchived;
  /**
   * The mark of the partition must not pass it: the next start must see again what is not archived, and also the record, or the lack of one, that
   * shows the archive to be another log's.
   */
  readonly holdsMarkAt: number | undefined;
  readonly verdict: EntError | undefined;
  /** The last offset in the archive, where nothing but that is known of the tenant: it can be looked up again. */
  readonly forgettable: number | undefined;
}

export interface Unarchived {
  readonly records: number;
  /** Of the oldest. */
  readonly first: { readonly offset: number; readonly timeMs: number } | undefined;
}

/** What a tenant must know of its partition. */
export interface PartitionView {
  /** Where reading began; everything from there on has been read, but for the hole. */
  readonly beganAt: number;
  readonly hole: Hole | undefined;
  readonly nextOffset: number;
  /** The mark as it was last set. */
  readonly marked: number;
  /** Up to here tenants may have been seen and forgotten. */
  readonly forgottenThrough: number;
}

export interface TenantArchiveOptions extends Where {
  readonly view: PartitionView;
  readonly limits: RollLimits;
  readonly packers: Pick<Packers, 'pack'>;
  readonly settler: Settler;
  readonly find: () => Promise<Found>;
  readonly bounds: () => Promise<LogBounds>;
  readonly keepTrying: <T>(what: string, work: () => Promise<T>) => Promise<T>;
  /** Lookups and segments wait for their turn. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly nowMs: () => number;
  readonly onHeld: (bytes: number) => void;
  readonly onSegment: (segment: {
    readonly reason: CutReason;
    readonly records: number;
    readonly bytes: number;
    readonly seconds: number;
  }) => void;
  readonly onStopped: (error: EntError) => void;
  /** A fault of the program. */
  readonly onFault: (error: unknown) => void;
  readonly signal: AbortSignal;
}

type State =
  | { readonly kind: 'looking' }
  /** `witness`: a record in the archive that the log has yet to confirm. */
  | {
      readonly kind: 'open';
      readonly link: ChainLink;
      readonly witness: ArchivedRecord | undefined;
    }
  | { readonly kind: 'stopped'; readonly error: EntError };

/** A segment that is being made. */
interface Prepared {
  readonly records: readonly LogRecord[];
  readonly packed: Promise<Packed>;
  /** Whether it is the one that comes next: another archiver may have been first, with a longer one or a shorter one. */
  isFor(link: ChainLink): boolean;
}

export function createTenantArchive(options: TenantArchiveOptions): TenantArchive {
  const { tenantId, partition, view, limits, packers, settler, keepTrying, inTurn, nowMs, signal } =
    options;
  const where: Where = { tenantId, partition };
  const buffer = createRecordBuffer(options.onHeld);
  let state: State = { kind: 'looking' };
  /** Nothing from here on can be archived: the archive stops, once what is before it has been archived. */
  let barrier: { readonly offset: number; readonly error: EntError } | undefined;
  /** The offset of the record by which the archive is judged: while that is open, and when it was found wanting. */
  let evidence: number | undefined = view.marked;
  let prepared: Prepared | undefined;
  let refused: Unarchived = { records: 0, first: undefined };
  let asked = false;
  let running = false;

  const refuse = ({ offset, timeMs }: LogRecord): void => {
    refused = { records: refused.records + 1, first: refused.first ?? { offset, timeMs } };
  };

  const stop = (error: EntError): void => {
    const lost = buffer.records;
    refused = {
      records: lost.length + refused.records,
      first: lost[0] ? { offset: lost[0].offset, timeMs: lost[0].timeMs } : refused.first,
    };
    buffer.clear();
    prepared = undefined;
    state = { kind: 'stopped', error };
    options.onStopped(error);
  };

  /** Puts a record where it belongs: behind the others, or nowhere because the archive has it. */
  const admit = (record: LogRecord): void => {
    const { offset } = record;
    if (state.kind === 'stopped' || (barrier && offset >= barrier.offset)) return refuse(record);
    if (state.kind === 'looking') return buffer.push(record, nowMs());
    const { link, witness } = state;
    if (witness && offset >= witness.offset) {
      if (!isSame(record, witness)) {
        stop(contradicted(witness));
        return refuse(record);
      }
      state = { ...state, witness: undefined };
      evidence = undefined;
    }
    if (offset < link.offsetMin) return;
    const previousOffset = buffer.records.at(-1)?.offset ?? link.offsetMin - 1;
    if (isBroken(view.hole, previousOffset, offset)) {
      const what = `the log began at ${view.hole?.to} when ${view.hole?.from} had to be read`;
      barrier = { offset, error: gap(where, offset, what) };
      return refuse(record);
    }
    buffer.push(record, nowMs());
  };

  /** What waits is looked at again, because the archive reaches further than was known. */
  const admitAgain = (): void => {
    const records = [...buffer.records];
    buffer.clear();
    for (const record of records) admit(record);
  };

  const contradicted = ({ offset, sequence }: ArchivedRecord): EntError =>
    conflict(
      where,
      `archive of ${tenantId}`,
      offset,
      `its record ${sequence} at offset ${offset} is not in the log`,
    );

  const look = async (): Promise<void> => {
    const first = buffer.records[0];
    if (!first) return;
    const found = await keepTrying(`looking up the archive of ${tenantId}`, async () => {
      const { last, unsealed } = await options.find();
      let link = last ? nextLink(last) : firstLink({ tenantId, topic: walTopic, partition });
      if (last && (await options.bounds()).endOffset <= last.lastOffset)
        throw conflict(where, last.segment, last.lastOffset, 'the archive is ahead of the log');
      const witness =
        last && first.offset < link.offsetMin ? await settler.lastRecord(last) : undefined;
      for (const name of unsealed) {
        if (isBroken(view.hole, link.offsetMin - 1, view.beganAt))
          throw gap(
            where,
            link.offsetMin,
            `${name} has no checksum, and the log has a hole before it`,
          );
        link = nextLink(await settler.complete(name, link, Math.max(view.beganAt, link.offsetMin)));
      }
      return { last, link, witness };
    });
    assertSeen(found.last?.lastOffset, first.offset);
    open(found.link, found.witness);
    admitAgain();
  };

  const open = (link: ChainLink, witness: ArchivedRecord | undefined): void => {
    state = { kind: 'open', link, witness };
    evidence = witness?.offset;
  };

  /** Reading began before the archive's last record and met another one first: the log is not the one that was archived. */
  const assertSeen = (lastOffset: number | undefined, firstOffset: number): void => {
    if (lastOffset === undefined || firstOffset <= lastOffset) return;
    if (view.beganAt > lastOffset || view.forgottenThrough >= lastOffset) return;
    evidence = lastOffset;
    throw conflict(
      where,
      `archive of ${tenantId}`,
      lastOffset,
      'its last record is not in the log',
    );
  };

  const reasonToCut = (): CutReason | undefined => {
    if (buffer.records.length === 0) return undefined;
    if (barrier) return 'gap';
    return dueBecause(buffer.waiting(), limits, nowMs()) ?? (asked ? 'memory' : undefined);
  };

  /** Begins to make the segment of what waits from this index on. Whether it is that of the link is known when its turn comes. */
  const prepare = (link: ChainLink, from: number): Prepared => {
    const { records } = buffer.slice(from, limits.segmentBytes);
    const packed = packers.pack(link, records, limits.segmentBytes);
    packed.catch(() => {}); // it may never be asked for
    return {
      records,
      packed,
      isFor: (wanted) => isSameLink(link, wanted) && buffer.records[0] === records[0],
    };
  };

  const cut = async (link: ChainLink, reason: CutReason): Promise<void> => {
    const started = nowMs();
    const { records, packed } = prepared?.isFor(link) ? prepared : prepare(link, 0);
    prepared = undefined;
    const { segment, taken } = await packed;
    // While this one is written, the next is made, where there is enough for it.
    if (buffer.slice(taken, limits.segmentBytes).isFull)
      prepared = prepare(nextLink(segment.checksum), taken);
    const own = records.slice(0, taken);
    const settled: Settled = await keepTrying(`writing ${segment.name}`, () =>
      settler.settle(segment, link, own),
    );
    const { checksum, ahead } = settled;
    open(nextLink(checksum), ahead);
    buffer.dropThrough(ahead ? own.at(-1)!.offset : checksum.lastOffset);
    if (ahead) admitAgain(); // another archiver is further on
    options.onSegment({
      reason,
      records: checksum.records,
      bytes: checksum.bytes,
      seconds: (nowMs() - started) / 1000,
    });
  };

  /** One thing after another, until nothing is due. */
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      if (state.kind === 'stopped') return;
      if (state.kind === 'looking') {
        if (buffer.records.length === 0) return;
        await inTurn(look);
        continue;
      }
      const { link } = state;
      const reason = reasonToCut();
      if (reason === undefined) break;
      await inTurn(() => cut(link, reason));
      asked = false;
    }
    asked = false;
    if (barrier && !signal.aborted) stop(barrier.error);
  };

  const start = (): void => {
    if (running) return;
    running = true;
    void run()
      .catch((error: unknown) => {
        if (signal.aborted) return;
        if (!isVerdict(error)) return options.onFault(error);
        stop(error);
      })
      .finally(() => {
        running = false;
        // Something may have come due between the last look and now.
        const due = barrier !== undefined || reasonToCut() !== undefined;
        if (!signal.aborted && state.kind === 'open' && due) start();
      });
  };

  return {
    tenantId,
    take(record) {
      admit(record);
      if (state.kind === 'looking' || barrier || reasonToCut() !== undefined) start();
    },
    tend() {
      if (state.kind !== 'open') return;
      const { witness } = state;
      if (witness && view.nextOffset > witness.offset) stop(contradicted(witness));
      else if (buffer.records.length > 0) start();
    },
    cutEarly() {
      asked = true;
      start();
    },
    get waiting() {
      return buffer.waiting();
    },
    get held() {
      return buffer.held;
    },
    get busy() {
      return running || asked;
    },
    get unarchived() {
      const first = buffer.records[0];
      return {
        records: buffer.records.length + refused.records,
        first: first ? { offset: first.offset, timeMs: first.timeMs } : refused.first,
      };
    },
    get holdsMarkAt() {
      const first = buffer.records[0]?.offset ?? refused.first?.offset;
      return first === undefined ? evidence : Math.min(first, evidence ?? first);
    },
    get verdict() {
      return state.kind === 'stopped' ? state.error : undefined;
    },
    get forgettable() {
      if (running || barrier || buffer.records.length > 0) return undefined;
      if (state.kind !== 'open' || state.witness) return undefined;
      return state.link.offsetMin - 1;
    },
  };
}

function isSameLink(one: ChainLink, other: ChainLink): boolean {
  return (
    one.firstSequence === other.firstSequence &&
    one.offsetMin === other.offsetMin &&
    one.timeMsMin === other.timeMsMin &&
    one.previous?.sha256 === other.previous?.sha256 &&
    one.previous?.segment === other.previous?.segment
  );
}
