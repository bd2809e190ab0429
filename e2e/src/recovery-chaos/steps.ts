/** The programs that are killed. */
export type Victim = 'archiver' | 'snapshotter' | 'restore';

/** A moment of a program's own work, as `doom/` sees it: an operation, what it is about, and whether it has been done. */
export interface Step {
  readonly victim: Victim;
  readonly name: string;
  readonly moment: string;
  /** It is killed when it comes there for a time chosen at random, at the latest for this one. Default 1. */
  readonly timesMax?: number;
  /** What must be so, or the program does not come there. */
  readonly needs?:
    /** It comes there right after its start. */
    | 'a fresh start'
    /** The snapshotter's working copies are gone. */
    | 'no cache'
    /** The restore begins at a snapshot. */
    | 'a snapshot'
    | 'no snapshot'
    /** Segments of several pieces. */
    | 'large segments'
    /** Records that are on the log alone. */
    | 'a tail'
    /** Files that are to be replaced. */
    | 'an older restore';
}

export const steps: readonly Step[] = [
  ...archiver([
    ['while it looks up a tenant', 'before folders', { needs: 'a fresh start' }],
    ['before a segment is written', 'before create segment', { timesMax: 3 }],
    ['after a segment, before it knows', 'after create segment', { timesMax: 3 }],
    ['while a segment is read back', 'before read segment', { timesMax: 3 }],
    ['before a checksum is written', 'before create checksum', { timesMax: 3 }],
    ['after a checksum, before it knows', 'after create checksum', { timesMax: 3 }],
    ['while a checksum is read back', 'before read checksum', { timesMax: 3 }],
    ['before the mark is set', 'before commit'],
    ['after the mark is set', 'after commit'],
  ]),
  ...snapshotter([
    ['while the base arrives', 'before stream canonical', { needs: 'no cache' }],
    ['before the base is in its place', 'before rename incoming', { needs: 'no cache' }],
    ['after the base is in its place', 'after rename incoming', { needs: 'no cache' }],
    ['before records are applied', 'before apply', { timesMax: 3 }],
    ['after records were applied', 'after apply', { timesMax: 3 }],
    ['before the copy is made', 'before export'],
    ['after the copy was made', 'after export'],
    ['before canonical.db is written', 'before create canonical'],
    ['after canonical.db, before mailbox.db', 'after create canonical'],
    ['after mailbox.db', 'after create mailbox'],
    ['while the files are fetched again', 'before stream canonical again'],
    ['before the manifest is written', 'before create manifest'],
    ['after the manifest, before it knows', 'after create manifest'],
  ]),
  ...restore([
    ['after the lease was taken', 'after create lease'],
    ['while the base arrives', 'before stream mailbox', { needs: 'a snapshot' }],
    ['before the base is in its place', 'before rename incoming'],
    ['after the base is in its place', 'after rename incoming'],
    ['between two segments', 'before apply', { timesMax: 4, needs: 'no snapshot' }],
    ['within a segment', 'after apply', { timesMax: 4, needs: 'large segments' }],
    ['in the tail of the log', 'batch of the log', { needs: 'a tail' }],
    ['after the check, before the report', 'before write report'],
    ['after the report', 'after write report'],
    ['before the old files are moved away', 'before rename target', { needs: 'an older restore' }],
    ['between the two renames', 'after rename target', { needs: 'an older restore' }],
    ['after the files are in their place', 'after rename work'],
    ['before the lease is given back', 'before remove lease'],
  ]),
];

type Row = readonly [name: string, moment: string, more?: Omit<Step, 'victim' | 'name' | 'moment'>];

function archiver(rows: readonly Row[]): readonly Step[] {
  return rows.map(([name, moment, more]) => ({ victim: 'archiver', name, moment, ...more }));
}
function snapshotter(rows: readonly Row[]): readonly Step[] {
  return rows.map(([name, moment, more]) => ({ victim: 'snapshotter', name, moment, ...more }));
}
function restore(rows: readonly Row[]): readonly Step[] {
  return rows.map(([name, moment, more]) => ({ victim: 'restore', name, moment, ...more }));
}
