import type { ArchivedRecord } from './line.ts';

/** What the records of a segment have in common with those before them. */
export interface TallyStart {
  readonly partition: number;
  readonly firstSequence: number;
  /** No offset may be below it. */
  readonly offsetMin: number;
  /** The running maximum of the tenant's log times before. */
  readonly timeMsMin: number;
}

export interface Tally {
  readonly records: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly firstTimeMs: number;
  readonly lastTimeMs: number;
}

export interface TallyKeeper {
  /** What is wrong with this record in this place, if anything: sequences are dense, offsets rise. Counts it otherwise. */
  take(record: ArchivedRecord): string | undefined;
  /** Undefined while there is no record. */
  read(): Tally | undefined;
}

export function createTally(start: TallyStart): TallyKeeper {
  let tally: Tally | undefined;
  return {
    take: ({ partition, offset, sequence, timeMs }) => {
      const expected = tally ? tally.lastSequence + 1 : start.firstSequence;
      const offsetMin = tally ? tally.lastOffset + 1 : start.offsetMin;
      if (partition !== start.partition) return `partition ${partition}, not ${start.partition}`;
      if (sequence !== expected) return `sequence ${sequence}, not ${expected}`;
      if (offset < offsetMin) return `offset ${offset} after offset ${offsetMin - 1}`;
      const lastTimeMs = Math.max(tally?.lastTimeMs ?? start.timeMsMin, timeMs);
      tally = {
        records: (tally?.records ?? 0) + 1,
        firstSequence: start.firstSequence,
        lastSequence: sequence,
        firstOffset: tally?.firstOffset ?? offset,
        lastOffset: offset,
        firstTimeMs: tally?.firstTimeMs ?? lastTimeMs,
        lastTimeMs,
      };
      return undefined;
    },
    read: () => tally,
  };
}
