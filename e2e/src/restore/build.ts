import { mkdirSync } from 'node:fs';
import {
  checksumNameOf,
  encodeChecksum,
  encodeSegment,
  firstLink,
  nextLink,
  type SegmentChecksum,
} from '@entdb/archive-format';
import type { ObjectStore } from '@entdb/object-store';
import { makeSnapshot } from '@entdb/snapshot';
import { openTenantWriter, type ApplyOutcome } from '@entdb/tenant-store';
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

/** Gives each step its place in the partition. */
export function placeOnLog(
  steps: readonly Pick<Step, 'timeMs' | 'value' | 'foreign'>[],
): readonly Logged[] {
  let offset = 0;
  return steps.map(({ timeMs, value, foreign }) => {
    const at = offset + foreign;
    offset = at + 1;
    return { offset: at, timeMs, value };
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

/**
 * The independent materialisation: the log applied record by record, all rows read after each, and held against the model, which knows nothing of
 * the store. Throws at the first difference.
 */
export function materialise(
  dir: string,
  steps: readonly Step[],
  log: readonly Logged[],
): readonly Truth[] {
  mkdirSync(dir, { recursive: true });
  const writer = openTenantWriter({ dir, tenantId, create: true });
  const truths: Truth[] = [];
  try {
    for (const [index, { record, expected, model }] of steps.entries()) {
      const { offset, timeMs } = log[index]!;
      const { outcomes, poison } = writer.apply([
        { topic: walTopic, partition, offset, timeMs, record },
      ]);
      if (poison) throw poison.error;
      const what = describeOutcome(outcomes[0]!);
      if (what !== expected)
        throw new Error(`record ${index + 1} is ${what}, and the model says ${expected}`);
      const difference = firstDifference(modelLines(dir), linesOf(model));
      if (difference !== undefined)
        throw new Error(`after record ${index + 1} the store is not the model: ${difference}`);
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
  return truths;
}

function describeOutcome(outcome: ApplyOutcome): Expected {
  if (outcome.kind !== 'verdict') return outcome.kind;
  return outcome.resultJson.includes('"rejected"') ? 'rejected' : 'applied';
}

/** Archives the records as an archiver would, a few in each segment, and makes snapshots on the way. */
export async function archiveLog(options: {
  readonly store: ObjectStore;
  readonly cacheDir: string;
  readonly log: readonly Logged[];
  readonly perSegment: number;
  /** After so many records. */
  readonly snapshotsAt: readonly number[];
}): Promise<void> {
  const { store, cacheDir, log, perSegment, snapshotsAt } = options;
  let last: SegmentChecksum | undefined;
  for (let at = 0; at < log.length;) {
    const cut = snapshotsAt.find((records) => records > at) ?? log.length;
    const part = log.slice(at, Math.min(at + perSegment, cut));
    const link = last ? nextLink(last) : firstLink({ tenantId, topic: walTopic, partition });
    const records = part.map((record, i) => ({
      ...record,
      partition,
      sequence: link.firstSequence + i,
    }));
    const { name, bytes, checksum } = await encodeSegment(link, records);
    await store.create(name, bytes);
    await store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
    last = checksum;
    at += part.length;
    if (!snapshotsAt.includes(at)) continue;
    const made = await makeSnapshot({ store, tenantId, cacheDir });
    if (made.kind !== 'made') throw new Error(`no snapshot after ${at} records`);
  }
}
