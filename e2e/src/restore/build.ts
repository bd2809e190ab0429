import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  checksumNameOf,
  encodeChecksum,
  encodeSegment,
  firstLink,
  nextLink,
  restorePointPrefix,
  type SegmentChecksum,
} from '@entdb/archive-format';
import { realClock, realRng } from '@entdb/base';
import { encodeWalRecord, type TenantRestored, type WalRecord } from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';
import { makeRestorePoint, makeSnapshot } from '@entdb/snapshot';
import {
  adoptRestored,
  openTenantWriter,
  type ApplyOutcome,
  type PlacedRecord,
  type TenantWriter,
} from '@entdb/tenant-store';
import { archiverGroup, createMemoryWal, topicSpecs, walTopic, type Wal } from '@entdb/wal';
import { tenantId, type Step } from './all-operations.ts';
import { linesOf, type Expected } from './model.ts';
import { dumpRows, firstDifference, hashRows, modelLines } from './rows.ts';

const partition = 1;

/** A record of the partition. */
export interface Logged {
  readonly offset: number;
  /** As the log stamped it: may step back. */
  readonly timeMs: number;
  readonly value: Uint8Array;
}

/** What a tenant that was restored to a record must be. */
export interface Truth {
  readonly offset: number;
  /** The highest stamp up to here. */
  readonly timeMs: number;
  readonly canonical: string;
  readonly mailbox: string;
  /** SHA-256 of `dumpRows`. */
  readonly rows: string;
}

/** Where a step stands in the partition. */
export interface Place {
  readonly offset: number;
  readonly timeMs: number;
}

export function placeOnLog(steps: readonly Pick<Step, 'timeMs' | 'foreign'>[]): readonly Place[] {
  let offset = 0;
  return steps.map(({ timeMs, foreign }) => {
    const at = offset + foreign;
    offset = at + 1;
    return { offset: at, timeMs };
  });
}

/** The log in memory, with other tenants' records in between. Everything before `archivedOffset` is said to be archived. */
export async function openLog(
  log: readonly Logged[],
  archivedOffset: number,
): Promise<{ readonly wal: Wal; readonly partition: number }> {
  const wal = createMemoryWal();
  const specs = {
    walPartitions: 2,
    replicationFactor: 1,
    minInsyncReplicas: 1,
    walRetentionMs: -1,
  };
  await wal.createTopics(topicSpecs(specs));
  const lane = await wal.openLane(walTopic, partition);
  let end = 0;
  for (const { offset, value } of log) {
    while (end < offset) {
      await lane.append([{ key: 'another', value: Buffer.from('of no meaning here') }]);
      end += 1;
    }
    await lane.append([{ key: tenantId, value }]);
    end += 1;
  }
  await lane.close();
  await wal.commit(archiverGroup, walTopic, partition, archivedOffset);
  return {
    wal: stamped(wal, new Map(log.map(({ offset, timeMs }) => [offset, timeMs]))),
    partition,
  };
}

/** A log of which the stamps are given: the one in memory has none that step back, and Kafka's do. */
function stamped(wal: Wal, times: ReadonlyMap<number, number>): Wal {
  return {
    ...wal,
    consume: ({ onBatch, ...wanted }) =>
      wal.consume({
        ...wanted,
        onBatch: (batch) => {
          const stamp = ({ offset, timeMs }: { offset: number; timeMs: number }) =>
            times.get(offset) ?? timeMs;
          const records = batch.records.map((at) => ({ ...at, timeMs: stamp(at) }));
          return onBatch({ ...batch, records });
        },
      }),
  };
}

/** What a history becomes. */
export interface Materialised {
  readonly log: readonly Logged[];
  readonly truths: readonly Truth[];
  /** Restores in place that were accepted. */
  readonly adopted: number;
}

/**
 * The independent materialisation: the log applied record by record, all rows read after each, and held against the model, which knows nothing of
 * the store. Throws at the first difference. Before a restore in place `archive` is given what stands before it, so that some of them have objects.
 */
export async function materialise(
  dir: string,
  steps: readonly Step[],
  archive: Archive,
): Promise<Materialised> {
  const places = placeOnLog(steps);
  const log: Logged[] = [];
  const applied: PlacedRecord[] = [];
  const truths: Truth[] = [];
  let adopted = 0;
  let writer = openWriter(dir);
  const restoredBody = async (record: WalRecord): Promise<WalRecord> => {
    if (record.body.case !== 'tenantRestored') return record;
    const sequence = Number(record.body.value.sequence);
    const { epoch } = writer.position;
    const value = await archive.restorePoint(log, sequence, truths[sequence - 1]!);
    return {
      ...record,
      body: { case: 'tenantRestored', value: { ...value, expectedEpoch: BigInt(epoch) } },
    };
  };
  try {
    for (const [index, step] of steps.entries()) {
      const { offset, timeMs } = places[index]!;
      const record = await restoredBody(step.record);
      const placed = { topic: walTopic, partition, offset, timeMs, record };
      const { outcomes, poison, adoption } = writer.apply([placed]);
      if (poison) throw poison.error;
      if (adoption) {
        writer.close();
        adopt(dir, applied, adoption.placed);
        adopted += 1;
        writer = openWriter(dir);
      }
      const what = adoption ? 'applied' : describeOutcome(outcomes[0]!);
      if (what !== step.expected)
        throw new Error(`record ${index + 1} is ${what}, and the model says ${step.expected}`);
      const difference = firstDifference(modelLines(dir), linesOf(step.model));
      if (difference !== undefined)
        throw new Error(`after record ${index + 1} the store is not the model: ${difference}`);
      applied.push(placed);
      log.push({ offset, timeMs, value: encodeWalRecord(record) });
      truths.push({
        offset,
        timeMs: Math.max(timeMs, truths.at(-1)?.timeMs ?? 0),
        ...writer.digests(),
        rows: hashRows(dumpRows(dir)),
      });
    }
  } finally {
    writer.close();
  }
  return { log, truths, adopted };
}

function openWriter(dir: string): TenantWriter {
  mkdirSync(dir, { recursive: true });
  const create = !existsSync(join(dir, 'canonical.db'));
  return openTenantWriter({ dir, tenantId, create });
}

/** A restore in place, without objects: the history up to its target is applied anew, through whatever restores are in it. */
function adopt(dir: string, applied: readonly PlacedRecord[], placed: PlacedRecord): void {
  const { body } = placed.record;
  if (body.case !== 'tenantRestored') throw new Error('only a restore in place is adopted');
  const target = applied.slice(0, Number(body.value.sequence));
  const restored = `${dir}-${placed.offset}`;
  let writer = openWriter(restored);
  for (let rest = target; rest.length > 0;) {
    const { outcomes, adoption } = writer.apply(rest);
    rest = rest.slice(outcomes.length);
    if (!adoption) continue;
    writer.close();
    adopt(restored, applied, adoption.placed);
    writer = openWriter(restored);
  }
  writer.close();
  adoptRestored({ tenantId, current: dir, restored, placed });
  rmSync(dir, { recursive: true });
  renameSync(restored, dir);
}

function describeOutcome(outcome: ApplyOutcome): Expected {
  if (outcome.kind !== 'verdict') return outcome.kind;
  return outcome.resultJson.includes('"rejected"') ? 'rejected' : 'applied';
}

/** An archive that grows with the log. */
export interface Archive {
  /** Archives the log up to here, a few records in each segment, with snapshots on the way. */
  extendTo(log: readonly Logged[]): Promise<void>;
  /** Made so far. */
  snapshots(): number;
  /** What a record says that restores this state: every other time its objects are there, and else it names some that are not. */
  restorePoint(
    log: readonly Logged[],
    sequence: number,
    truth: Truth,
  ): Promise<Omit<TenantRestored, 'expectedEpoch'>>;
}

export function createArchive(options: {
  readonly store: ObjectStore;
  /** Of its own. */
  readonly dir: string;
  readonly perSegment: number;
  /** After so many records. */
  readonly snapshotsAt: readonly number[];
}): Archive {
  const { store, dir, perSegment, snapshotsAt } = options;
  let last: SegmentChecksum | undefined;
  let restores = 0;
  let snapshots = 0;
  const extendTo: Archive['extendTo'] = async (log) => {
    for (let at = last?.lastSequence ?? 0; at < log.length; at = last?.lastSequence ?? 0) {
      const cut = snapshotsAt.find((records) => records > at) ?? log.length;
      const part = log.slice(at, Math.min(at + perSegment, cut));
      const link = last ? nextLink(last) : firstLink({ tenantId, topic: walTopic, partition });
      const records = part.map((record, i) => ({ ...record, partition, sequence: at + 1 + i }));
      const { name, bytes, checksum } = await encodeSegment(link, records);
      await store.create(name, bytes);
      await store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
      last = checksum;
      if (checksum.lastSequence < (snapshotsAt[snapshots] ?? Infinity)) continue;
      const made = await makeSnapshot({ store, tenantId, cacheDir: join(dir, 'cache') });
      // Where the last snapshot has the same stamp, and so the name, there is one after the next segment.
      if (made.kind === 'made') snapshots += 1;
    }
  };
  return {
    extendTo,
    snapshots: () => snapshots,
    async restorePoint(log, sequence, { offset, canonical, mailbox }) {
      restores += 1;
      const wanted = {
        $typeName: 'entdb.v1.TenantRestored' as const,
        position: {
          $typeName: 'entdb.v1.Position' as const,
          topic: walTopic,
          partition,
          offset: BigInt(offset),
          epoch: 0n,
        },
        sequence: BigInt(sequence),
        canonicalDigest: canonical,
        mailboxDigest: mailbox,
        objectPrefix: restorePointPrefix(tenantId, sequence),
        manifestSha256: '0'.repeat(64),
      };
      if (restores % 2 === 0) return wanted;
      await extendTo(log);
      const target = { kind: 'sequence', sequence, inclusive: true } as const;
      const ports = { store, clock: realClock, rng: realRng };
      const workDir = join(dir, 'points');
      const point = await makeRestorePoint({
        ...ports,
        tenantId,
        target,
        workDir,
        short: 'accept',
      });
      return { ...wanted, manifestSha256: point.manifestSha256 };
    },
  };
}
