import { existsSync, statSync } from 'node:fs';
import { EntError } from '@entdb/base';
import { MultisetHash } from '../multiset-hash.ts';
import { metaHash, type MetaRow } from '../rows.ts';
import { fsyncPath } from './create.ts';
import { fileFormat } from './ddl.ts';
import { readMeta } from './meta.ts';
import { asStoreError, openDatabase, quickCheck, type SqliteFile } from './open.ts';

/** The part of the meta row that records move. */
export type Progress = Pick<
  MetaRow,
  | 'state'
  | 'topic'
  | 'partition'
  | 'offset'
  | 'epoch'
  | 'sequence'
  | 'log_time_us'
  | 'erased_sequence'
>;

export interface TenantFileOptions {
  readonly path: string;
  readonly tenantId: string;
  readonly synchronous: 'NORMAL' | 'FULL';
  readonly check: 'none' | 'quick';
}

/**
 * One of a tenant's files, open for its only writer. Progress and digest live in memory while a transaction runs and are written with its rows.
 * When it fails they are put back, and read again from the file before the next one: memory is never ahead of the file.
 */
export class TenantFile {
  readonly db: SqliteFile;
  readonly tenantId: string;
  readonly fileId: string;
  progress: Progress;
  digest: MultisetHash;
  /** Set when a transaction failed, until the file was read again. */
  #stale = false;

  /** Throws STORE_MISSING, STORE_CORRUPT, UNKNOWN_FORMAT, STORE_UNAVAILABLE. */
  constructor({ path, tenantId, synchronous, check }: TenantFileOptions) {
    if (!existsSync(path))
      throw new EntError('STORE_MISSING', 'a file of the tenant is missing', { tenantId });
    // SQLite would take an empty file for a new database.
    if (statSync(path).size === 0)
      throw new EntError('STORE_CORRUPT', 'a file of the tenant is empty', { tenantId });
    this.tenantId = tenantId;
    this.db = openDatabase(path, { readonly: false, synchronous });
    try {
      const meta = readMeta(this.db, tenantId);
      if (check === 'quick') quickCheck(this.db);
      this.fileId = meta.file_id;
      this.progress = progressOf(meta);
      this.digest = MultisetHash.from(meta.digest);
    } catch (cause) {
      this.db.close();
      throw asStoreError(cause);
    }
  }

  /** Runs the body and commits its rows with progress and digest, or leaves everything as it was and throws what the body threw. */
  transaction<T>(body: () => T): T {
    if (this.#stale) this.#reload();
    const { progress } = this;
    const digest = this.digest.bytes();
    try {
      this.db.prepare('BEGIN IMMEDIATE').run();
      const result = body();
      this.#writeMeta();
      this.db.prepare('COMMIT').run();
      return result;
    } catch (error) {
      this.#stale = true;
      this.progress = progress;
      this.digest = MultisetHash.from(digest);
      // A full disk or an I/O error may have rolled back already.
      if (this.db.inTransaction) this.db.prepare('ROLLBACK').run();
      throw error;
    }
  }

  /** A part of a transaction that may be taken back by itself: what the body throws passes on, without a trace of its writes. */
  savepoint<T>(body: () => T): T {
    const digest = this.digest.bytes();
    this.db.prepare('SAVEPOINT part').run();
    try {
      const result = body();
      this.db.prepare('RELEASE part').run();
      return result;
    } catch (error) {
      if (this.db.inTransaction) {
        this.db.prepare('ROLLBACK TO part').run();
        this.db.prepare('RELEASE part').run();
      }
      this.digest = MultisetHash.from(digest);
      throw error;
    }
  }

  /**
   * Makes all commits survive a power loss. The -wal alone is synced: a checkpoint syncs the main file by itself before the -wal is used again.
   * (SQLite keeps its locks on the other files, which must not be opened here.)
   */
  sync(): void {
    try {
      fsyncPath(`${this.db.path}-wal`);
    } catch (cause) {
      throw new EntError('STORE_UNAVAILABLE', 'a file of the tenant cannot be synced', {
        tenantId: this.tenantId,
        cause,
      });
    }
  }

  /** All rows that count are gone. */
  clearDigest(): void {
    this.digest = new MultisetHash();
  }

  close(): void {
    this.db.close();
  }

  #reload(): void {
    const meta = readMeta(this.db, this.tenantId);
    this.progress = progressOf(meta);
    this.digest = MultisetHash.from(meta.digest);
    this.#stale = false;
  }

  #writeMeta(): void {
    const digest = this.digest.bytes();
    const identity = { format: fileFormat, tenant_id: this.tenantId, file_id: this.fileId };
    const hash = metaHash({ ...identity, ...this.progress, digest });
    const { state, topic, partition, offset, epoch, sequence, log_time_us, erased_sequence } =
      this.progress;
    this.db
      .prepare(
        'UPDATE meta SET state = ?, topic = ?, "partition" = ?, "offset" = ?, epoch = ?, sequence = ?, log_time_us = ?, erased_sequence = ?, digest = ?, hash = ?',
      )
      .run(
        state,
        topic,
        partition,
        offset,
        epoch,
        sequence,
        log_time_us,
        erased_sequence,
        digest,
        hash,
      );
  }
}

/** The part of the meta row that records move. */
export function progressOf({
  state,
  topic,
  partition,
  offset,
  epoch,
  sequence,
  log_time_us,
  erased_sequence,
}: MetaRow): Progress {
  return { state, topic, partition, offset, epoch, sequence, log_time_us, erased_sequence };
}
