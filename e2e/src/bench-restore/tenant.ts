import { rmSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import {
  checksumNameOf,
  createSegmentBuilder,
  encodeChecksum,
  firstLink,
  nextLink,
  type ChainLink,
  type SegmentChecksum,
  type SnapshotManifest,
} from '@entdb/archive-format';
import { partitionOf } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { makeSnapshot } from '@entdb/snapshot';
import { walTopic } from '@entdb/wal';
import { historyOf, seed, type LogLine } from './history.ts';

/** A tenant as the archiver and the snapshotter leave it in an object store. */
export interface ArchivedTenant {
  readonly tenantId: string;
  readonly partition: number;
  readonly segments: readonly SegmentChecksum[];
  readonly manifest: SnapshotManifest;
}

export interface TenantOptions {
  readonly store: ObjectStore;
  readonly tenantId: string;
  readonly records: number;
  /** Records that come after the snapshot. */
  readonly recordsSince?: number;
  /** For working copies. */
  readonly dir: string;
}

export const partitions = 16;
/** As the archiver cuts by default. */
const segmentBytes = 8 * 1024 * 1024;

/** How many records of the history make files of that size, both together; about. */
export function recordsFor(megabytes: number, scale = 1): number {
  const bytesPerRecord = 930 + 660 * scale;
  return Math.ceil((megabytes * 1e6) / bytesPerRecord);
}

export async function archiveTenant(options: TenantOptions): Promise<ArchivedTenant> {
  const { store, tenantId, records, recordsSince = 0, dir } = options;
  const partition = partitionOf(tenantId, partitions);
  const history = historyOf(tenantId, seed);
  const link = firstLink({ tenantId, topic: walTopic, partition });
  const before = await archive(store, link, history, records - recordsSince);
  const cacheDir = mkdtempSync(join(dir, 'cache-'));
  const made = await makeSnapshot({ store, tenantId, cacheDir });
  rmSync(cacheDir, { recursive: true });
  if (made.kind !== 'made') throw new Error(`no snapshot of ${tenantId} was made`);
  const last = before.at(-1);
  const since = last ? await archive(store, nextLink(last), history, recordsSince) : [];
  return { tenantId, partition, segments: [...before, ...since], manifest: made.manifest };
}

async function archive(
  store: ObjectStore,
  start: ChainLink,
  history: Iterator<LogLine, never>,
  records: number,
): Promise<readonly SegmentChecksum[]> {
  const checksums: SegmentChecksum[] = [];
  let link = start;
  for (let left = records; left > 0;) {
    const builder = createSegmentBuilder(link);
    for (; left > 0 && builder.lineBytes < segmentBytes; left -= 1) {
      const sequence = link.firstSequence + builder.records;
      builder.add({ partition: link.partition, sequence, ...history.next().value });
    }
    const { name, bytes, checksum } = await builder.finish();
    await store.create(name, bytes, { sha256: checksum.sha256 });
    await store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
    checksums.push(checksum);
    link = nextLink(checksum);
  }
  return checksums;
}
