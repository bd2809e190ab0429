import Database from 'better-sqlite3';
import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EntError, realRng } from '@entdb/base';
import type { TopicSpec } from '../wal.ts';

/**
 * A topic is one SQLite file with one table a partition, of which the offset is the row id: an append is an insert at the
 * right end of a tree. One file a topic, because SQLite has one writer a file: whoever writes results does not wait for
 * whoever writes transactions.
 */

const format = 1;
const pageBytes = 8_192;
/** A checkpoint writes so much back at a time. Smaller means more fsyncs, larger means longer ones. */
const checkpointBytes = 16 * 1024 * 1024;

export const topicPath = (directory: string, topic: string): string =>
  join(directory, `${topic}.sqlite`);
export const bellPath = (directory: string, topic: string): string =>
  join(directory, `${topic}.bell`);

export type TopicSettings = Pick<
  TopicSpec,
  'name' | 'partitions' | 'retentionMs' | 'maxMessageBytes'
>;

export const topicExists = (directory: string, topic: string): boolean =>
  existsSync(topicPath(directory, topic));

/** Opens a topic that exists. Commits are synced: what was acknowledged survives the loss of power, not only of the process. */
export function openTopic(directory: string, topic: string): Database.Database {
  const db = new Database(topicPath(directory, topic), { fileMustExist: true, timeout: 5_000 });
  try {
    const found = db.pragma('user_version', { simple: true });
    if (found !== format) {
      throw new EntError(
        'UNKNOWN_FORMAT',
        `the file of topic ${topic} has format ${String(found)}, not ${format}`,
      );
    }
    db.pragma('synchronous = FULL');
    db.pragma('trusted_schema = OFF');
    db.pragma(`wal_autocheckpoint = ${checkpointBytes / pageBytes}`);
    db.pragma(`journal_size_limit = ${4 * checkpointBytes}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

export function readSettings(db: Database.Database): TopicSettings {
  const sql =
    'SELECT name, partitions, retention_ms AS retentionMs, max_message_bytes AS maxMessageBytes FROM topic';
  return db.prepare<[], TopicSettings>(sql).get() ?? missingSettings();
}

function missingSettings(): never {
  throw new EntError('STORE_CORRUPT', 'the file of a topic has no settings in it');
}

/**
 * Makes the file under a name of its own and links it into place when it is whole, so that nobody, a process killed at any
 * point included, ever leaves or sees half a topic. False when another was first.
 */
export function createTopic(directory: string, spec: TopicSpec): boolean {
  makeDirectory(directory);
  const draft = join(directory, `.${spec.name}.${Buffer.from(realRng.bytes(16)).toString('hex')}`);
  try {
    const db = new Database(draft);
    try {
      db.pragma(`page_size = ${pageBytes}`);
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = FULL');
      db.transaction(() => fillTopic(db, spec)).immediate();
    } finally {
      db.close(); // folds the journal into the file
    }
    linkSync(draft, topicPath(directory, spec.name));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  syncDirectory(directory);
  return true;
}

function fillTopic(db: Database.Database, spec: TopicSpec): void {
  db.exec(`
    CREATE TABLE topic (
      name TEXT NOT NULL, partitions INTEGER NOT NULL, retention_ms INTEGER NOT NULL, max_message_bytes INTEGER NOT NULL
    ) STRICT;
    -- Where a partition starts, and the time of the last record before that: both must outlive the records.
    CREATE TABLE log_start (
      partition INTEGER PRIMARY KEY, start_offset INTEGER NOT NULL, last_time_ms INTEGER NOT NULL
    ) STRICT;
    PRAGMA user_version = ${format};
  `);
  db.prepare('INSERT INTO topic VALUES (?, ?, ?, ?)').run(
    spec.name,
    spec.partitions,
    spec.retentionMs,
    spec.maxMessageBytes,
  );
  for (let partition = 0; partition < spec.partitions; partition += 1) {
    db.prepare('INSERT INTO log_start VALUES (?, 0, 0)').run(partition);
    db.exec(`
      CREATE TABLE partition_${partition} (
        offset INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, headers TEXT
      ) STRICT`);
  }
}

function makeDirectory(directory: string): void {
  if (mkdirSync(directory, { recursive: true }) !== undefined) syncDirectory(dirname(directory));
}

/** A name is durable only when its directory is. */
function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
