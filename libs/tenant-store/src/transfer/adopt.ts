import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EntError, invariant } from '@entdb/base';
import type { TenantRestored } from '@entdb/contracts';
import { loadCatalog } from '../catalog.ts';
import type { PlacedRecord } from '../store.ts';
import { fsyncPath } from '../sqlite/create.ts';
import { progressOf, TenantFile, type Progress } from '../sqlite/tenant-file.ts';
import { judgeRestore } from '../write/judge-restore.ts';
import { progressAfter } from '../write/progress.ts';
import { Rejection } from '../write/rejection.ts';
import { createVerdictTable } from '../write/verdict-table.ts';
import { factsOf, readTogether, tenantFacts, verdictIn, type TenantFacts } from './facts.ts';
import { inFolder } from './in-folder.ts';
import { mergeHistory } from './merge-history.ts';

export interface AdoptOptions {
  readonly tenantId: string;
  /** The tenant's files, closed, standing at the record before. They are only read. */
  readonly current: string;
  /** Files of the restored state, standing at the record that is restored. They become the tenant's own: what is in this folder is changed. */
  readonly restored: string;
  /** The TenantRestored record, as `ApplyResult.adoption` has it. */
  readonly placed: PlacedRecord;
}

/**
 * Carries an accepted restore in place out: the restored files become the tenant's files after the record. Nodes, edges, catalog and mailboxes are those of the restored
 * state; the verdicts on keys, and the definitions that were ever brought, are those of the log. Both files are left closed, whole in themselves and synced. The cost
 * grows with what happened since the restored record, but for one walk along the keys of the verdicts.
 *
 * A call that did not return has left files that are of no use: begin again with others. Throws RESTORE_DIGEST_MISMATCH (the restored files are not what the record
 * names); STORE_MISSING, STORE_CORRUPT and UNKNOWN_FORMAT, whose `metadata.folder` is "current" or "restored"; STORE_UNAVAILABLE; and INVALID_POSITION or the rejection's own
 * code where the current files do not take the record next.
 */
export function adoptRestored({ tenantId, current, restored, placed }: AdoptOptions): TenantFacts {
  const { body } = placed.record;
  invariant(body.case === 'tenantRestored', 'the record is a restore in place');
  const next = inFolder('current', () => acceptedBy(current, tenantId, placed, body.value));
  return inFolder('restored', () => {
    assertNamed(tenantFacts(restored, tenantId), body.value);
    const canonical = changing(join(restored, 'canonical.db'), tenantId, (file) => {
      const { state } = file.progress;
      mergeHistory(file, join(current, 'canonical.db'));
      file.progress = { ...next, state, epoch: next.epoch + 1 };
      const verdicts = createVerdictTable(file, tenantId);
      // A key whose verdict went with a deletion may be that of the record.
      verdicts.remove(placed.record.idempotencyKey);
      verdicts.store(placed, { case: 'applied', operations: [] });
      return { progress: file.progress, digest: file.digest, catalog: loadCatalog(file.db) };
    });
    const { progress, digest, catalog } = canonical;
    const mailboxDigest = changing(join(restored, 'mailbox.db'), tenantId, (file) => {
      file.progress = progress;
      return file.digest;
    });
    toDisk(restored, tenantId);
    const digests = { canonical: digest.hex(), mailbox: mailboxDigest.hex() };
    return factsOf(tenantId, progress, digests, catalog);
  });
}

/** Where the current files would stand after the record, which must be the next that they take, and one that they accept. */
function acceptedBy(
  current: string,
  tenantId: string,
  placed: PlacedRecord,
  restored: TenantRestored,
): Progress {
  return readTogether(current, tenantId, ({ canonical, meta }) => {
    const { topic, partition, offset } = placed;
    const isNext = meta.topic === topic && meta.partition === partition && meta.offset < offset;
    if (!isNext || verdictIn(canonical, placed.record.idempotencyKey))
      throw new EntError(
        'INVALID_POSITION',
        `the files stand at ${meta.topic}/${meta.partition}/${meta.offset} and do not take the restore at offset ${offset} next`,
        { tenantId, position: { topic, partition, offset } },
      );
    const progress = progressAfter(progressOf(meta), placed);
    try {
      judgeRestore(progress, restored);
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      throw new EntError(error.code, error.message, {
        tenantId,
        position: { topic, partition, offset },
      });
    }
    return progress;
  });
}

function assertNamed({ tenantId, position, digests }: TenantFacts, named: TenantRestored): void {
  const at = named.position;
  invariant(at, 'an accepted restore names a position');
  const same =
    position.topic === at.topic &&
    position.partition === at.partition &&
    BigInt(position.offset) === at.offset &&
    BigInt(position.sequence) === named.sequence &&
    digests.canonical === named.canonicalDigest &&
    digests.mailbox === named.mailboxDigest;
  if (same) return;
  throw new EntError(
    'RESTORE_DIGEST_MISMATCH',
    `the restored files stand at record ${position.sequence}, offset ${position.offset}, with the digests ${digests.canonical} and ${digests.mailbox}; the restore names record ${named.sequence}, offset ${at.offset}, with ${named.canonicalDigest} and ${named.mailboxDigest}`,
    {
      tenantId,
      hint: 'take other files of that state: those of its objects, or what the archive gives up to that record',
    },
  );
}

/** One transaction on one of the files, which is left closed and on disk. */
function changing<T>(path: string, tenantId: string, body: (file: TenantFile) => T): T {
  const file = new TenantFile({ path, tenantId, synchronous: 'NORMAL', check: 'none' });
  let result: T;
  try {
    result = file.transaction(() => body(file));
  } finally {
    file.close();
  }
  // The last connection moves the -wal into the file and removes it, unless the disk refuses.
  if (existsSync(`${path}-wal`))
    throw new EntError('STORE_UNAVAILABLE', 'the adopted files could not be written out', {
      tenantId,
      hint: 'free space or mend the disk; nothing is lost',
    });
  toDisk(path, tenantId);
  return result;
}

function toDisk(path: string, tenantId: string): void {
  try {
    fsyncPath(path);
  } catch (cause) {
    throw new EntError('STORE_UNAVAILABLE', 'the adopted files cannot be synced', {
      tenantId,
      cause,
    });
  }
}
