import {
  archivePrefix,
  catalogueArchive,
  checksumNameOf,
  createErasureFinder,
  decodeSegment,
  erasureName,
  erasuresPrefix,
  inspectChain,
  parseChecksum,
  type ArchivedRecord,
  type Erasure,
  type SegmentChecksum,
} from '@entdb/archive-format';
import { isErasure } from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';
import { walTopic, type LogRecord, type Wal } from '@entdb/wal';

export interface Archive {
  readonly checksums: readonly SegmentChecksum[];
  readonly records: readonly ArchivedRecord[];
  /** As its records say. */
  readonly erasures: readonly Erasure[];
}

/** A tenant's whole archive, with every check there is: names, checksums, chain, bytes. */
export async function readArchive(store: ObjectStore, tenantId: string): Promise<Archive> {
  const names: string[] = [];
  for await (const { key } of store.list({ prefix: archivePrefix(tenantId) })) names.push(key);
  const { segments, unknown } = catalogueArchive(tenantId, names);
  if (unknown.length > 0) throw new Error(`unknown objects: ${unknown.join(', ')}`);
  const unfinished = segments.filter(({ state }) => state !== 'whole');
  if (unfinished.length > 0)
    throw new Error(unfinished.map(({ segment, state }) => `${segment} is ${state}`).join(', '));
  const checksums: SegmentChecksum[] = [];
  const records: ArchivedRecord[] = [];
  const finder = createErasureFinder({ tenantId, topic: walTopic, timeMsMin: 0 });
  for (const { segment } of segments) {
    const name = checksumNameOf(segment);
    const checksum = parseChecksum(await store.read(name), name);
    checksums.push(checksum);
    for await (const batch of decodeSegment(await store.read(segment), checksum))
      records.push(...batch);
  }
  records.forEach((record) => finder.take(record));
  const { fault } = inspectChain(checksums);
  if (fault) throw new Error(fault.message);
  if (checksums[0] && checksums[0].firstSequence !== 1) throw new Error('the first is not there');
  return { checksums, records, erasures: finder.erasures };
}

/** The texts of a tenant's erasures, in order. */
export async function saidErasures(
  store: ObjectStore,
  tenantId: string,
): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const { key } of store.list({ prefix: erasuresPrefix(tenantId) }))
    texts.push(Buffer.from(await store.read(key)).toString());
  return texts;
}

/** Fails where a segment has a checksum, and a record that erases its tenant and of which nothing is said. */
export async function assertErasuresKnown(store: ObjectStore): Promise<void> {
  const names: string[] = [];
  for await (const { key } of store.list({ prefix: 'archive/' })) names.push(key);
  for (const name of names.filter((key) => key.endsWith('.checksum'))) {
    const checksum = parseChecksum(await store.read(name), name);
    const { tenantId, segment } = checksum;
    for await (const batch of decodeSegment(await store.read(segment), checksum))
      for (const { sequence, value } of batch)
        if (isErasure(tenantId, value))
          expect(await store.stat(erasureName(tenantId, sequence))).toBeDefined();
  }
}

/** The whole log, by tenant. */
export async function readLog(
  wal: Wal,
  partitions: number,
): Promise<ReadonlyMap<string, readonly LogRecord[]>> {
  const tenants = new Map<string, LogRecord[]>();
  for (let partition = 0; partition < partitions; partition += 1) {
    const { startOffset, endOffset } = await wal.bounds(walTopic, partition);
    if (startOffset === endOffset) continue;
    const done = new AbortController();
    await wal.consume({
      topic: walTopic,
      from: new Map([[partition, startOffset]]),
      signal: done.signal,
      onBatch: async ({ records }) => {
        for (const record of records) {
          if (record.offset >= endOffset) break;
          tenants.set(record.key, [...(tenants.get(record.key) ?? []), record]);
        }
        if (records.at(-1)!.offset >= endOffset - 1) done.abort();
      },
    });
  }
  return tenants;
}

/** What of a record must be the same in both places. */
export const bytesOf = (
  records: readonly Pick<LogRecord, 'partition' | 'offset' | 'timeMs' | 'value'>[],
) =>
  records.map(({ partition, offset, timeMs, value }) => ({
    partition,
    offset,
    timeMs,
    value: Buffer.from(value).toString('hex'),
  }));

/** Every object with its bytes: to see that none has changed. */
export async function photograph(
  store: ObjectStore,
  prefix = '',
): Promise<ReadonlyMap<string, string>> {
  const objects = new Map<string, string>();
  for await (const { key } of store.list({ prefix }))
    objects.set(key, Buffer.from(await store.read(key)).toString('base64'));
  return objects;
}
