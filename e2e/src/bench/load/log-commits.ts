import Database from 'better-sqlite3';
import { createRecord } from '../sample-log.ts';
import type { Job, Load } from './protocol.ts';

/** Tables and settings are those of the embedded log. */
export function logCommits(job: Extract<Job, { kind: 'log-commits' }>): Load {
  const { path, partitions, recordsPerCommit } = job;
  const db = new Database(path);
  db.pragma('page_size = 8192');
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('wal_autocheckpoint = 2048');
  const inserts = Array.from({ length: partitions }, (_, partition) => {
    db.exec(`CREATE TABLE partition_${partition} (
      offset INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, headers TEXT) STRICT`);
    return db.prepare(`INSERT INTO partition_${partition} VALUES (?, ?, ?, ?, ?)`);
  });
  const value = Buffer.from(createRecord(1, undefined));
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  let next = 0;
  const step = async () => {
    begin.run();
    for (let i = 0; i < recordsPerCommit; i += 1, next += 1)
      inserts[next % partitions]!.run(next, Date.now(), 'tenant', value, null);
    commit.run();
    return recordsPerCommit;
  };
  return { loops: [step], close: async () => void db.close() };
}
