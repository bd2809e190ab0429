import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EntError, parseTenantId } from '@entdb/base';
import { createTenantFile } from '../sqlite/create.ts';
import { canonicalDdl, mailboxDdl } from '../sqlite/ddl.ts';
import { asStoreError } from '../sqlite/open.ts';
import { TenantFile } from '../sqlite/tenant-file.ts';
import { scrubCanonical, scrubMailbox } from '../scrub.ts';
import type { ApplyStop, PlacedRecord, TenantPosition, TenantWriter } from '../store.ts';
import { AdoptionNeeded } from './adoption-needed.ts';
import { createCanonical } from './canonical.ts';
import { concernsMailbox, createMailbox } from './mailbox.ts';
import { progressAfter } from './progress.ts';
import type { Judged } from './verdict-table.ts';

export interface TenantWriterOptions {
  /** The tenant's own folder. */
  readonly dir: string;
  readonly tenantId: string;
  /** Make the files that are missing. Only for a tenant that nothing is known of: an empty file never takes the place of a lost one. */
  readonly create: boolean;
  readonly synchronous?: 'NORMAL' | 'FULL';
  /** `quick`: SQLite looks through the files' structure first. */
  readonly check?: 'none' | 'quick';
}

/** Throws STORE_MISSING, STORE_CORRUPT, UNKNOWN_FORMAT, STORE_UNAVAILABLE. */
export function openTenantWriter(options: TenantWriterOptions): TenantWriter {
  const { dir, create, synchronous = 'NORMAL', check = 'none' } = options;
  const tenantId = parseTenantId(options.tenantId);
  const paths = { canonical: join(dir, 'canonical.db'), mailbox: join(dir, 'mailbox.db') };
  if (create) {
    mkdirSync(dir, { recursive: true });
    // The canonical file last: where it is, both are.
    if (!existsSync(paths.mailbox)) createTenantFile(paths.mailbox, mailboxDdl, tenantId);
    if (!existsSync(paths.canonical)) createTenantFile(paths.canonical, canonicalDdl, tenantId);
  }
  const canonicalFile = new TenantFile({ path: paths.canonical, tenantId, synchronous, check });
  try {
    return createWriter(
      tenantId,
      canonicalFile,
      new TenantFile({ path: paths.mailbox, tenantId, synchronous, check }),
    );
  } catch (cause) {
    canonicalFile.close();
    throw cause;
  }
}

/** A record that ends the batch; carries it out of the transaction, which is rolled back. */
class Halt extends Error {
  override readonly name = 'Halt';
  readonly index: number;
  readonly stop: ApplyStop;

  constructor(index: number, stop: ApplyStop, cause: unknown) {
    super('the batch ends here', { cause });
    this.index = index;
    this.stop = stop;
  }
}

interface Step {
  readonly judged: readonly Judged[];
  readonly stop?: ApplyStop;
}

/** The writer of two open files, which it closes. */
export function createWriter(
  tenantId: string,
  canonicalFile: TenantFile,
  mailboxFile: TenantFile,
): TenantWriter {
  const canonical = createCanonical(canonicalFile, tenantId);
  const mailbox = createMailbox(mailboxFile);

  const applyCanonical = (records: readonly PlacedRecord[]): readonly Judged[] => {
    try {
      return canonicalFile.transaction(() =>
        eachOrHalt(records, (placed) =>
          placed.offset > canonicalFile.progress.offset
            ? canonical.apply(placed)
            : canonical.recall(placed),
        ),
      );
    } catch (error) {
      canonical.forget();
      throw error;
    }
  };

  const applyMailbox = (
    records: readonly PlacedRecord[],
    judged: readonly Judged[],
  ): readonly Judged[] => {
    mailboxFile.transaction(() => {
      eachOrHalt(records, (placed, i) => applyToMailbox(placed, judged[i]!));
      const { state, epoch, erased_sequence } = canonicalFile.progress;
      mailboxFile.progress = { ...mailboxFile.progress, state, epoch, erased_sequence };
    });
    return judged.slice(0, records.length);
  };

  const applyToMailbox = (placed: PlacedRecord, { effects }: Judged): void => {
    const { record, offset, timeMs } = placed;
    if (offset <= mailboxFile.progress.offset) return;
    mailboxFile.progress = progressAfter(mailboxFile.progress, placed);
    if (effects && concernsMailbox(record)) mailbox.apply(record, effects, timeMs * 1000);
  };

  const assertSameLog = (records: readonly PlacedRecord[]): void => {
    for (const { progress } of [canonicalFile, mailboxFile]) {
      const stranger =
        progress.offset >= 0 &&
        records.find(
          ({ topic, partition }) => topic !== progress.topic || partition !== progress.partition,
        );
      if (!stranger) continue;
      const { topic, partition, offset } = stranger;
      throw new EntError(
        'INVALID_POSITION',
        `the tenant is in ${progress.topic}, partition ${progress.partition}; the record is in ${topic}, partition ${partition}`,
        {
          tenantId,
          position: { topic, partition, offset },
        },
      );
    }
  };

  return {
    tenantId,
    fileId: canonicalFile.fileId,
    get position() {
      return positionOf(
        mailboxFile.progress.offset < canonicalFile.progress.offset ? mailboxFile : canonicalFile,
      );
    },
    apply(records) {
      try {
        assertSameLog(records);
        const first = upToHalt(records, applyCanonical);
        const reached = records.slice(0, first.judged.length);
        const second = upToHalt(reached, (some) => applyMailbox(some, first.judged));
        const outcomes = second.judged.map(({ outcome }) => outcome);
        return { outcomes, ...(second.stop ?? first.stop) };
      } catch (error) {
        throw asStoreError(error);
      }
    },
    digests: () => ({ canonical: canonicalFile.digest.hex(), mailbox: mailboxFile.digest.hex() }),
    checkpoint() {
      if (canonicalFile.progress.offset !== mailboxFile.progress.offset) return undefined;
      return { position: positionOf(canonicalFile), digests: this.digests() };
    },
    sync() {
      canonicalFile.sync();
      mailboxFile.sync();
      return this.position.offset;
    },
    scrub() {
      try {
        scrubCanonical(canonicalFile);
        scrubMailbox(mailboxFile);
      } catch (error) {
        throw asStoreError(error);
      }
    },
    close() {
      canonicalFile.close();
      mailboxFile.close();
    },
  };
}

/** Trouble of the store passes; anything else that a record causes is that record's poison. */
function eachOrHalt<T>(
  records: readonly PlacedRecord[],
  body: (placed: PlacedRecord, index: number) => T,
): readonly T[] {
  const results: T[] = [];
  try {
    for (const placed of records) results.push(body(placed, results.length));
    return results;
  } catch (cause) {
    const placed = records[results.length]!;
    const { offset } = placed;
    if (cause instanceof AdoptionNeeded) {
      const { restored } = cause;
      throw new Halt(results.length, { adoption: { offset, placed, restored } }, cause);
    }
    const error = asStoreError(cause);
    if (error.code === 'STORE_UNAVAILABLE' || error.code === 'STORE_CORRUPT') throw error;
    throw new Halt(results.length, { poison: { offset, error } }, error);
  }
}

/** A halt rolls the transaction back; the records before it are applied again without it. It is rare, and so savepoints need not be everywhere. */
function upToHalt(
  records: readonly PlacedRecord[],
  apply: (records: readonly PlacedRecord[]) => readonly Judged[],
): Step {
  try {
    return { judged: apply(records) };
  } catch (error) {
    if (!(error instanceof Halt)) throw error;
    const before = records.slice(0, error.index);
    return { judged: before.length > 0 ? apply(before) : [], stop: error.stop };
  }
}

function positionOf({ progress }: TenantFile): TenantPosition {
  const { topic, partition, offset, epoch, sequence, log_time_us } = progress;
  return { topic, partition, offset, epoch, sequence, logTimeUs: log_time_us };
}
