import {
  checksumNameOf,
  createErasureFinder,
  decodeSegment,
  describeSegment,
  encodeChecksum,
  encodeErasure,
  erasureName,
  type ArchivedRecord,
  type ChainLink,
  type EncodedSegment,
  type Erasure,
  type SegmentChecksum,
} from '@entdb/archive-format';
import { isEntError } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import type { LogRecord, Wal } from '@entdb/wal';
import { readRange } from './log-range.ts';
import { asConflict, conflict, type Where } from './verdicts.ts';

/**
 * Makes segments durable. The segment first, then what it erases, then its checksum; each is read back and compared before it counts. So no sealed segment
 * holds an erasure that is not known. Every function here may be repeated at any point, by this process or another: `create` changes nothing that is there, and what is found is either the same or a conflict.
 */
export interface Settler {
  /** What stands in the archive at this link afterwards: this segment, or a longer or shorter one that another archiver was first with. */
  settle(segment: EncodedSegment, link: ChainLink, records: readonly LogRecord[]): Promise<Settled>;
  /** Gives a segment its checksum that somebody left without: if it holds what the log gives from `from` on. */
  complete(name: string, link: ChainLink, from: number): Promise<SegmentChecksum>;
  /** The last record of a segment. The whole of it is checked on the way. */
  lastRecord(checksum: SegmentChecksum): Promise<ArchivedRecord>;
}

export interface Settled {
  readonly checksum: SegmentChecksum;
  /** Its last record, where this archiver has not read as far as the one that wrote it. */
  readonly ahead: ArchivedRecord | undefined;
}

/** A stored segment, as it is. */
interface Described {
  readonly checksum: SegmentChecksum;
  readonly erasures: readonly Erasure[];
  /** Its records beyond ours. */
  readonly ahead: readonly ArchivedRecord[];
}

export interface SettlerOptions {
  readonly store: ObjectStore;
  readonly wal: Wal;
  readonly signal: AbortSignal;
}

export function createSettler({ store, wal, signal }: SettlerOptions): Settler {
  const call = { signal };

  const seal = async (
    where: Where,
    checksum: SegmentChecksum,
    erasures: readonly Erasure[],
  ): Promise<void> => {
    for (const erasure of erasures)
      await say(
        where,
        erasureName(erasure.tenantId, erasure.sequence),
        encodeErasure(erasure),
        erasure.offset,
      );
    const name = checksumNameOf(checksum.segment);
    await say(where, name, encodeChecksum(checksum), checksum.firstOffset);
  };

  const say = async (where: Where, name: string, text: string, offset: number): Promise<void> => {
    const bytes = Buffer.from(text);
    await store.create(name, bytes, call);
    if (!bytes.equals(await store.read(name, call)))
      throw conflict(where, name, offset, 'it says something else than the segment');
  };

  const isSealed = async (name: string): Promise<boolean> =>
    (await store.stat(checksumNameOf(name), call)) !== undefined;

  /** What is stored under the name, held against what the log gave. */
  const compare = async (
    bytes: Uint8Array,
    name: string,
    link: ChainLink,
    ours: readonly LogRecord[],
  ): Promise<Described> => {
    const { offsetMin } = link;
    const finder = createErasureFinder(link);
    const judge = asConflict(link, name, offsetMin);
    const checksum = await describeSegment(bytes, name, link).catch(judge);
    const ahead: ArchivedRecord[] = [];
    let index = 0;
    for await (const batch of decodeSegment(bytes, checksum)) {
      for (const record of batch) {
        finder.take(record);
        const own = ours[index];
        if (own === undefined) ahead.push(record);
        else if (!isSame(own, record))
          throw conflict(
            link,
            name,
            own.offset,
            `record ${record.sequence} is another one in the log`,
          );
        index += 1;
      }
    }
    return { checksum, erasures: finder.erasures, ahead };
  };

  const assertOnLog = async (
    name: string,
    link: ChainLink,
    from: number,
    records: readonly ArchivedRecord[],
  ): Promise<void> => {
    const last = records.at(-1);
    if (!last) return;
    const range = await readRange(wal, link, { from, to: last.offset }, name, signal);
    const wrong = records.findIndex((record, index) => !isSame(range[index], record));
    if (wrong !== -1 || range.length !== records.length)
      throw conflict(
        link,
        name,
        records[Math.max(wrong, 0)]?.offset ?? from,
        `it has no checksum, and its records from ${from} on are not those of the log`,
      );
  };

  return {
    async settle(segment, link, records) {
      const { name, bytes, checksum, erasures } = segment;
      await store.create(name, bytes, { ...call, sha256: checksum.sha256 });
      const stored = await store.read(name, call);
      if (Buffer.compare(stored, bytes) === 0) {
        await seal(link, checksum, erasures);
        return { checksum, ahead: undefined };
      }
      const theirs = await compare(stored, name, link, records);
      // What has a checksum was held against the log by whoever gave it one.
      if (!(await isSealed(name)))
        await assertOnLog(name, link, records.at(-1)!.offset + 1, theirs.ahead);
      await seal(link, theirs.checksum, theirs.erasures);
      return { checksum: theirs.checksum, ahead: theirs.ahead.at(-1) };
    },

    async complete(name, link, from) {
      const bytes = await store.read(name, call);
      const { checksum, erasures, ahead } = await compare(bytes, name, link, []);
      await assertOnLog(name, link, Math.min(from, checksum.firstOffset), ahead);
      await seal(link, checksum, erasures);
      return checksum;
    },

    async lastRecord(checksum) {
      const { segment, tenantId, partition, lastOffset } = checksum;
      const where = { tenantId, partition };
      const bytes = await store.read(segment, call).catch((error: unknown) => {
        if (isEntError(error, 'OBJECT_NOT_FOUND'))
          throw conflict(where, segment, lastOffset, 'its checksum is there, and it is not', error);
        throw error;
      });
      let last: ArchivedRecord | undefined;
      const read = async () => {
        for await (const batch of decodeSegment(bytes, checksum)) last = batch.at(-1) ?? last;
      };
      await read().catch(asConflict(where, segment, lastOffset));
      if (last === undefined) throw conflict(where, segment, lastOffset, 'it is empty');
      return last;
    },
  };
}

/** Whether the record of the log is the archived one, byte for byte. */
export function isSame(
  ours: Pick<LogRecord, 'offset' | 'timeMs' | 'value'> | undefined,
  theirs: Pick<LogRecord, 'offset' | 'timeMs' | 'value'>,
): boolean {
  return (
    ours !== undefined &&
    ours.offset === theirs.offset &&
    ours.timeMs === theirs.timeMs &&
    Buffer.compare(ours.value, theirs.value) === 0
  );
}
