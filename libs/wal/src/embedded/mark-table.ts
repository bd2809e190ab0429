import type Database from 'better-sqlite3';

/**
 * The marks of groups, in the topic's own file. The table comes with the first mark: files that an earlier version made have none,
 * and that version passes over it. Statements are not kept: marks are set every few seconds, not every record.
 */

/** Call it inside a transaction. */
export function writeMark(
  db: Database.Database,
  partition: number,
  group: string,
  offset: number,
): void {
  db.exec(`
    CREATE TABLE IF NOT EXISTS group_mark (
      group_name TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
      PRIMARY KEY (group_name, partition)
    ) STRICT, WITHOUT ROWID`);
  db.prepare('INSERT OR REPLACE INTO group_mark VALUES (?, ?, ?)').run(group, partition, offset);
}

/** Call it inside a transaction. */
export function readMark(
  db: Database.Database,
  partition: number,
  group: string,
): number | undefined {
  const isThere = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'group_mark'").get();
  if (isThere === undefined) return undefined;
  return db
    .prepare<[string, number], number>(
      'SELECT next_offset FROM group_mark WHERE group_name = ? AND partition = ?',
    )
    .pluck()
    .get(group, partition);
}
