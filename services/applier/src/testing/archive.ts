/** Archive and snapshots as the other services make them, for a log that a test writes. */
import { join } from 'node:path';
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
import { archiverGroup, walTopic, type LogRecord, type Wal } from '@entdb/wal';

export interface TestArchive {
  /** Archives the partition's records below the offset (default: all there are), and moves the mark. */
  archive(partition: number, to?: number): Promise<void>;
  /** Makes a snapshot of what is archived of the tenant; its id. */
  snapshot(tenantId: string): Promise<string>;
}

export function createTestArchive(options: {
  readonly wal: Wal;
  readonly store: ObjectStore;
  /** For the snapshotter's working copies. */
  readonly cacheDir: string;
}): TestArchive {
  const { wal, store, cacheDir } = options;
  const marks = new Map<number, number>();
  const last = new Map<string, SegmentChecksum>();
  return {
    async archive(partition, to) {
      const from = marks.get(partition) ?? 0;
      const end = to ?? (await wal.bounds(walTopic, partition)).endOffset;
      const groups = Map.groupBy(await read(wal, partition, from, end), ({ key }) => key);
      for (const [tenantId, records] of groups) {
        const before = last.get(tenantId);
        const link = before
          ? nextLink(before)
          : firstLink({ tenantId, topic: walTopic, partition });
        const { name, bytes, checksum } = await encodeSegment(
          link,
          records.map((record, i) => ({ ...record, sequence: link.firstSequence + i })),
        );
        await store.create(name, bytes);
        await store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
        last.set(tenantId, checksum);
      }
      marks.set(partition, end);
      await wal.commit(archiverGroup, walTopic, partition, end);
    },
    async snapshot(tenantId) {
      const outcome = await makeSnapshot({ store, tenantId, cacheDir: join(cacheDir, 'cache') });
      if (outcome.kind !== 'made') throw new Error('there is nothing new to make a snapshot of');
      return outcome.id;
    },
  };
}

async function read(
  wal: Wal,
  partition: number,
  from: number,
  to: number,
): Promise<readonly LogRecord[]> {
  const found: LogRecord[] = [];
  if (from >= to) return found;
  const all = new AbortController();
  await wal.consume({
    topic: walTopic,
    from: new Map([[partition, from]]),
    signal: all.signal,
    onBatch: async ({ records }) => {
      found.push(...records.filter(({ offset }) => offset < to));
      if (from + found.length >= to) all.abort();
    },
  });
  return found;
}
