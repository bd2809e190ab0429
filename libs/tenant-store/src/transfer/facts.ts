import { join } from 'node:path';
import { EntError } from '@entdb/base';
import { loadCatalog, type Catalog } from '../catalog.ts';
import { openReadFile, type ReadFile } from '../read/read-file.ts';
import {
  columns,
  verifyAppliedEvent,
  type AppliedEventRow,
  type MetaRow,
  type TenantState,
} from '../rows.ts';
import type { TenantPosition } from '../store.ts';
import type { Progress } from '../sqlite/tenant-file.ts';

/** What the two files of a tenant say of themselves; both stand at one position. */
export interface TenantFacts {
  readonly tenantId: string;
  readonly state: TenantState;
  readonly position: TenantPosition;
  readonly digests: { readonly canonical: string; readonly mailbox: string };
  /** Of the newest schema that the tenant has seen; empty where it has none. */
  readonly schemaFingerprint: string;
  /** Of the newest record that erases; 0 where none does. No restore reaches before it. */
  readonly erasedSequence: number;
}

/**
 * Reads them without changing a byte of the files. STORE_CORRUPT where the two stand at different positions: files that were closed by their writer do
 * not. Throws STORE_MISSING, STORE_CORRUPT, UNKNOWN_FORMAT, STORE_UNAVAILABLE.
 */
export function tenantFacts(dir: string, tenantId: string): TenantFacts {
  return readTogether(dir, tenantId, ({ canonical, meta, mailboxMeta }) => {
    const digests = {
      canonical: meta.digest.toString('hex'),
      mailbox: mailboxMeta.digest.toString('hex'),
    };
    return factsOf(tenantId, meta, digests, loadCatalog(canonical));
  });
}

/** Both files in one reading each. STORE_CORRUPT where they stand at different positions. */
export function readTogether<T>(
  dir: string,
  tenantId: string,
  body: (read: {
    readonly canonical: ReadFile;
    readonly meta: MetaRow;
    readonly mailboxMeta: MetaRow;
  }) => T,
): T {
  return withFiles(dir, tenantId, ({ canonical, mailbox }) =>
    canonical.read(({ meta }) => {
      const mailboxMeta = mailbox.read((state) => state.meta);
      assertTogether(tenantId, meta, mailboxMeta);
      return body({ canonical, meta, mailboxMeta });
    }),
  );
}

export function factsOf(
  tenantId: string,
  progress: Progress,
  digests: TenantFacts['digests'],
  { fingerprints }: Catalog,
): TenantFacts {
  const { state, topic, partition, offset, epoch, sequence } = progress;
  return {
    tenantId,
    state,
    position: { topic, partition, offset, epoch, sequence, logTimeUs: progress.log_time_us },
    digests,
    schemaFingerprint: fingerprints.at(-1) ?? '',
    erasedSequence: progress.erased_sequence,
  };
}

/**
 * The digest that canonical.db had right after the record at the offset, as it was kept with that record's verdict; undefined where the record left no
 * verdict (a repeat, a refusal, a deleted tenant's). Reads every verdict: there is no index by offset.
 */
export function keptDigest(dir: string, tenantId: string, offset: number): string | undefined {
  return withFiles(dir, tenantId, ({ canonical }) =>
    canonical.read(() =>
      canonical
        .prepare<[number], { digest: Buffer }>(
          'SELECT digest FROM applied_events WHERE "offset" = ?',
        )
        .get(offset)
        ?.digest.toString('hex'),
    ),
  );
}

/**
 * The digests that canonical.db had right after these records, by the tenant's own sequence; those of which no verdict was kept are not among them. Reads
 * every verdict, once.
 */
export function keptDigests(
  dir: string,
  tenantId: string,
  sequences: readonly number[],
): ReadonlyMap<number, { readonly offset: number; readonly canonical: string }> {
  if (sequences.length === 0) return new Map();
  return withFiles(dir, tenantId, ({ canonical }) =>
    canonical.read(() => {
      const rows = canonical
        .prepare<[string], { sequence: number; offset: number; digest: Buffer }>(
          'SELECT sequence, "offset", digest FROM applied_events WHERE sequence IN (SELECT value FROM json_each(?))',
        )
        .all(JSON.stringify(sequences));
      return new Map(
        rows.map(({ sequence, offset, digest }) => [
          sequence,
          { offset, canonical: digest.toString('hex') },
        ]),
      );
    }),
  );
}

/** The verdict on a key, verified; undefined where the files have none. */
export function storedVerdict(
  dir: string,
  tenantId: string,
  key: string,
): AppliedEventRow | undefined {
  return readTogether(dir, tenantId, ({ canonical }) => verdictIn(canonical, key));
}

export function verdictIn(canonical: ReadFile, key: string): AppliedEventRow | undefined {
  const row = canonical
    .prepare<[string, string], AppliedEventRow>(
      `SELECT ${columns.appliedEvent} FROM applied_events WHERE tenant_id = ? AND idempotency_key = ?`,
    )
    .get(canonical.tenantId, key);
  return row && verifyAppliedEvent(row);
}

function withFiles<T>(
  dir: string,
  tenantId: string,
  body: (files: { readonly canonical: ReadFile; readonly mailbox: ReadFile }) => T,
): T {
  const canonical = openReadFile(dir, 'canonical.db', tenantId);
  try {
    const mailbox = openReadFile(dir, 'mailbox.db', tenantId);
    try {
      return body({ canonical, mailbox });
    } finally {
      mailbox.close();
    }
  } finally {
    canonical.close();
  }
}

function assertTogether(tenantId: string, canonical: MetaRow, mailbox: MetaRow): void {
  const same =
    canonical.offset === mailbox.offset &&
    canonical.sequence === mailbox.sequence &&
    canonical.epoch === mailbox.epoch &&
    canonical.partition === mailbox.partition &&
    canonical.topic === mailbox.topic;
  if (same) return;
  throw new EntError(
    'STORE_CORRUPT',
    `canonical.db stands at offset ${canonical.offset} and mailbox.db at ${mailbox.offset}`,
    { tenantId, metadata: { file: join(tenantId, 'mailbox.db') } },
  );
}
