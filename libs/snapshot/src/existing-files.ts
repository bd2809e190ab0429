import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { SnapshotFileName } from '@entdb/archive-format';
import { EntError } from '@entdb/base';
import {
  keptDigests,
  openTenantWriter,
  tenantFacts,
  tenantFileNames,
  type TenantFacts,
} from '@entdb/tenant-store';
import type { Catalog } from './catalog.ts';
import { isDamage } from './damage.ts';
import { hashFile } from './files.ts';
import type { Digests } from './replay.ts';
import { reportIn, type RestoreReport } from './report.ts';

/** What a restore that replaces files may use of them: a copy, looked through, so that the files themselves stay as they are until the end. */
export interface ExistingFiles {
  readonly dir: string;
  /** Whole files that need not be fetched where a snapshot has the very same bytes. */
  readonly sha256: ReadonlyMap<SnapshotFileName, string>;
  /** What they say of themselves, if every row sums up. */
  readonly facts: TenantFacts | undefined;
  /** What is wrong with them. */
  readonly unusable?: string;
  /** What the restore said that made them, if it can be read. */
  readonly report?: RestoreReport;
}

/** Copies what is in the target, and sums up every row. undefined: there is nothing. */
export async function copyExisting(
  target: string,
  dir: string,
  tenantId: string,
): Promise<ExistingFiles | undefined> {
  rmSync(dir, { recursive: true, force: true });
  const found = tenantFileNames.filter((name) => existsSync(join(target, name)));
  if (found.length === 0) return undefined;
  mkdirSync(dir, { recursive: true });
  const sha256 = new Map<SnapshotFileName, string>();
  for (const name of found) {
    for (const side of ['', '-wal'])
      if (existsSync(join(target, name + side)))
        cpSync(join(target, name + side), join(dir, name + side));
    if (!existsSync(join(dir, `${name}-wal`)))
      sha256.set(name, (await hashFile(join(dir, name))).sha256);
  }
  // Looked through as a copy of the copy: what SQLite changes in it must not count as the file that was hashed.
  const opened = `${dir}/opened`;
  mkdirSync(opened);
  for (const name of found)
    for (const side of ['', '-wal'])
      if (existsSync(join(dir, name + side)))
        cpSync(join(dir, name + side), join(opened, name + side));
  try {
    const writer = openTenantWriter({ dir: opened, tenantId, create: false, check: 'quick' });
    try {
      writer.scrub();
    } finally {
      writer.close();
    }
    // A hint: what it says is compared with the files and with the archive.
    const report = reportIn(target);
    return { dir, sha256, facts: tenantFacts(opened, tenantId), ...(report && { report }) };
  } catch (error) {
    if (!(error instanceof EntError) || error.code === 'STORE_UNAVAILABLE') throw error;
    return { dir, sha256, facts: undefined, unusable: error.message };
  }
}

/** What shows that the files are what the archive leads to; `later`: only a digest on the way will, and it must be met. */
export type Standing =
  | { readonly kind: 'proven' | 'later' }
  | { readonly kind: 'unusable'; readonly reason: string };

/** No contradiction is no proof: files of another history may differ in one record that nothing tells of. */
export function standingOf(
  files: ExistingFiles,
  facts: TenantFacts,
  catalog: Catalog,
  known: { readonly published: ReadonlyMap<number, Digests>; readonly expected: boolean },
): Standing {
  const reason = contradictionIn(files, facts, catalog, known.published);
  if (reason !== undefined) return { kind: 'unusable', reason };
  const { sequence } = facts.position;
  const told = [
    ...known.published.keys(),
    ...catalog.history.snapshots.map((snapshot) => snapshot.sequence),
  ];
  if (told.includes(sequence) || isOnChain(files, facts, catalog)) return { kind: 'proven' };
  if (known.expected || told.some((later) => later > sequence)) return { kind: 'later' };
  return {
    kind: 'unusable',
    reason: `no digest is known for record ${sequence} or after it that would prove them`,
  };
}

/** The report beside them says of which segments they were made, by a hash that holds for all before it; and they still have the digests that it names. */
function isOnChain(
  { report }: ExistingFiles,
  { position, digests }: TenantFacts,
  { history }: Catalog,
): boolean {
  const chain = report?.chain;
  if (!report || !chain) return false;
  const isSame =
    report.reached.sequence === position.sequence &&
    report.reached.offset === position.offset &&
    report.epoch === position.epoch &&
    report.digests.canonical === digests.canonical &&
    report.digests.mailbox === digests.mailbox;
  const holder = history.segments.find(({ segment }) => segment === chain.segment);
  const isWithinIt =
    holder && holder.firstSequence <= position.sequence && position.sequence <= holder.lastSequence;
  return isSame && isWithinIt === true && holder?.sha256 === chain.sha256;
}

/**
 * Whether the files stand on the tenant's history as the archive has it: place, position, epoch, and every digest that is known for a record that they have behind
 * them. Gives what speaks against it.
 */
function contradictionIn(
  { dir }: ExistingFiles,
  { tenantId, position, digests }: TenantFacts,
  { history }: Catalog,
  published: ReadonlyMap<number, Digests>,
): string | undefined {
  const { segments, snapshots } = history;
  const { sequence, offset, epoch } = position;
  const end = Math.max(segments.at(-1)?.lastSequence ?? 0, snapshots.at(-1)?.sequence ?? 0);
  if (sequence < 1) return 'they have no record';
  if (sequence > end) return `they stand at record ${sequence}, and the archive ends at ${end}`;
  for (const { topic, partition } of [...segments.slice(0, 1), ...snapshots.map((s) => s.position)])
    if (topic !== position.topic || partition !== position.partition)
      return `they are of ${position.topic}/${position.partition}`;
  const holder = segments.find((s) => s.firstSequence <= sequence && sequence <= s.lastSequence);
  const isOff =
    holder &&
    ((holder.firstSequence === sequence && holder.firstOffset !== offset) ||
      (holder.lastSequence === sequence && holder.lastOffset !== offset) ||
      offset < holder.firstOffset ||
      offset > holder.lastOffset);
  if (isOff)
    return `they have record ${sequence} at offset ${offset}, and ${holder.segment} does not`;
  const disagrees = snapshots.find((snapshot) =>
    snapshot.sequence <= sequence ? snapshot.epoch > epoch : snapshot.epoch < epoch,
  );
  if (disagrees) return `they are in epoch ${epoch}, and a snapshot in epoch ${disagrees.epoch}`;

  const known = new Map<number, Digests>([
    ...snapshots.map((snapshot) => [snapshot.sequence, snapshot.digests] as const),
    ...published,
  ]);
  const there = known.get(sequence);
  const mailboxDiffers = there && there.mailbox !== '' && there.mailbox !== digests.mailbox;
  if (there && (there.canonical !== digests.canonical || mailboxDiffers))
    return `their digests are not those that are known for record ${sequence}`;
  const before = [...known.keys()].filter((behind) => behind < sequence);
  for (const [behind, { canonical }] of keptDigests(join(dir, 'opened'), tenantId, before))
    if (known.get(behind)?.canonical !== canonical)
      return `the digest that they kept of record ${behind} is another than the known one`;
  return undefined;
}

/** Whatever goes wrong on a way that begins with the files that were there may be theirs. What the store or the disk refuses is not. */
export function mayBeTheirs(error: unknown): error is EntError {
  const codes = ['RESTORE_DIGEST_MISMATCH', 'ARCHIVE_CONFLICT', 'STORE_CORRUPT', 'STORE_MISSING'];
  return error instanceof EntError && (codes.includes(error.code) || isDamage(error));
}
