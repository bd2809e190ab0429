import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TenantRestored } from '@entdb/contracts';
import type { PlacedRecord } from '../../store.ts';
import { tenantId } from '../../write/testing/log.ts';
import { openTenantWriter } from '../../write/writer.ts';
import { adoptRestored } from '../adopt.ts';
import { tenantFacts, type TenantFacts } from '../facts.ts';

/** Gives a folder of its own with the state after a record, by sequence. The caller's to change. */
export type StateFiles = (sequence: number) => string;

/** Folders for one test; all go away together. */
export interface Workplace {
  folder(): string;
  remove(): void;
}

export function createWorkplace(): Workplace {
  const root = mkdtempSync(join(tmpdir(), 'entdb-restores-'));
  let made = 0;
  return {
    folder: () => join(root, String(made++)),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The restore record's body for a state, as the restore tool makes it. */
export function restoredBody(
  { position, digests }: TenantFacts,
  expectedEpoch: number,
): TenantRestored {
  const { topic, partition, offset, epoch, sequence } = position;
  return {
    $typeName: 'entdb.v1.TenantRestored',
    position: {
      $typeName: 'entdb.v1.Position',
      topic,
      partition,
      offset: BigInt(offset),
      epoch: BigInt(epoch),
    },
    sequence: BigInt(sequence),
    canonicalDigest: digests.canonical,
    mailboxDigest: digests.mailbox,
    objectPrefix: 'restores/acme/00000000000000000001/',
    manifestSha256: 'ab'.repeat(32),
    expectedEpoch: BigInt(expectedEpoch),
  };
}

/**
 * Applies batches to a tenant's folder, through restores in place: as every program does it. Outcomes by offset, the first that was told. Files are closed
 * between batches only where a restore makes it so.
 */
export function materialise(
  dir: string,
  batches: Iterable<readonly PlacedRecord[]>,
  statesOf: StateFiles,
): readonly string[] {
  const outcomes: string[] = [];
  let writer = openTenantWriter({ dir, tenantId, create: true });
  try {
    for (const batch of batches) {
      for (let rest = batch; rest.length > 0;) {
        const result = writer.apply(rest);
        if (result.poison) throw result.poison.error;
        for (const outcome of result.outcomes)
          outcomes[outcome.offset] ??=
            outcome.kind === 'refused' ? `refused ${outcome.error.code}` : outcome.resultJson;
        rest = rest.slice(result.outcomes.length);
        if (!result.adoption) break;
        writer.close();
        adoptInPlace(dir, result.adoption.placed, statesOf);
        writer = openTenantWriter({ dir, tenantId, create: false });
        // The record itself is given again: its verdict is in the files by now.
      }
    }
    writer.scrub();
    return outcomes;
  } finally {
    writer.close();
  }
}

export function adoptInPlace(dir: string, placed: PlacedRecord, statesOf: StateFiles): TenantFacts {
  const { body } = placed.record;
  if (body.case !== 'tenantRestored') throw new Error('only a restore is adopted');
  const restored = statesOf(Number(body.value.sequence));
  const facts = adoptRestored({ tenantId, current: dir, restored, placed });
  rmSync(dir, { recursive: true });
  renameSync(restored, dir);
  return facts;
}

/** Restored states by replay of the log's prefix, whatever restores are in it. */
export function replayedStates(log: readonly PlacedRecord[], work: Workplace): StateFiles {
  const states: StateFiles = (sequence) => {
    const dir = work.folder();
    materialise(dir, [log.slice(0, sequence)], states);
    return dir;
  };
  return states;
}

/** Restored states as copies of what stood there: as objects in a store would be. */
export function copiedStates(copies: ReadonlyMap<number, string>, work: Workplace): StateFiles {
  return (sequence) => {
    const dir = work.folder();
    cpSync(copies.get(sequence)!, dir, { recursive: true });
    return dir;
  };
}

export const factsAt = (dir: string): TenantFacts => tenantFacts(dir, tenantId);
