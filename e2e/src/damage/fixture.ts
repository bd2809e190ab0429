import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  checksumNameOf,
  encodeChecksum,
  encodeErasure,
  encodeSegment,
  erasureName,
  firstLink,
  manifestName,
  nextLink,
  snapshotFileName,
  type SegmentChecksum,
} from '@entdb/archive-format';
import { encodeWalRecord } from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';
import { makeSnapshot } from '@entdb/snapshot';
import { openTenantWriter } from '@entdb/tenant-store';
import { walTopic } from '@entdb/wal';
import { seeded } from '../parts/seeded.ts';
import { makeAllOperations, tenantId, type Step } from '../restore/all-operations.ts';
import { placeOnLog } from '../restore/build.ts';

/** A small archive with one object of each kind whose every byte will be changed, and what it holds. */
export interface Fixture {
  readonly objects: readonly DamagedObject[];
  /** Of the last record. */
  readonly digest: string;
}

/** An object, and what it must break. */
export interface DamagedObject {
  readonly name: string;
  readonly key: string;
  readonly tenantId: string;
  /** Restores that cannot do without it, by the flags of the tool. */
  readonly restore: 'from scratch' | 'from the snapshot' | 'before the erasure';
}

const partition = 1;
const erasedTenant = 'erased';
const recordCount = 24;
const perSegment = 12;

export async function makeFixture(store: ObjectStore, dir: string, seed: number): Promise<Fixture> {
  const steps = makeAllOperations(recordCount, seeded(seed), { inPlace: false });
  const chain = await archive(
    store,
    tenantId,
    steps.map(({ record, ...at }) => ({ ...at, value: encodeWalRecord(record) })),
  );
  const made = await makeSnapshot({ store, tenantId, cacheDir: join(dir, 'cache') });
  if (made.kind !== 'made') throw new Error('the snapshot was not made');
  const last = chain.at(-1)!;
  const erasure = await archiveErased(store, steps);
  const of = (name: string, key: string, restore: DamagedObject['restore']): DamagedObject => ({
    name,
    key,
    tenantId: restore === 'before the erasure' ? erasedTenant : tenantId,
    restore,
  });
  return {
    digest: digestOf(steps, join(dir, 'truth')),
    objects: [
      of('segment', last.segment, 'from scratch'),
      of('checksum', checksumNameOf(last.segment), 'from scratch'),
      of('snapshot: manifest.json', manifestName(tenantId, made.id), 'from the snapshot'),
      ...(['canonical.db', 'mailbox.db'] as const).map((file) =>
        of(`snapshot: ${file}`, snapshotFileName(tenantId, made.id, file), 'from the snapshot'),
      ),
      of('erasure', erasure, 'before the erasure'),
    ],
  };
}

async function archive(
  store: ObjectStore,
  tenant: string,
  steps: readonly (Pick<Step, 'timeMs' | 'foreign'> & { readonly value: Uint8Array })[],
): Promise<readonly SegmentChecksum[]> {
  const chain: SegmentChecksum[] = [];
  const log = placeOnLog(steps).map((at, i) => ({ ...at, value: steps[i]!.value }));
  for (let at = 0; at < log.length; at += perSegment) {
    const last = chain.at(-1);
    const link = last
      ? nextLink(last)
      : firstLink({ tenantId: tenant, topic: walTopic, partition });
    const records = log.slice(at, at + perSegment).map((record, i) => ({
      ...record,
      partition,
      sequence: link.firstSequence + i,
    }));
    const { name, bytes, checksum } = await encodeSegment(link, records);
    await store.create(name, bytes);
    await store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
    chain.push(checksum);
  }
  return chain;
}

/** A tenant with a few records, the last of which erases it. */
async function archiveErased(store: ObjectStore, steps: readonly Step[]): Promise<string> {
  const few = steps.slice(0, 4).map(({ record }) => ({ ...record, tenantId: erasedTenant }));
  const records = [
    ...few,
    {
      ...few[0]!,
      idempotencyKey: 'erase',
      schemaFingerprint: '',
      body: {
        case: 'tenantDeleted' as const,
        value: { $typeName: 'entdb.v1.TenantDeleted' as const, erase: true },
      },
    },
  ];
  const log = records.map((record, i) => ({
    value: encodeWalRecord(record),
    timeMs: 1_790_000_000_000 + i,
    foreign: 0,
  }));
  const sequence = records.length;
  const name = erasureName(erasedTenant, sequence);
  const [last] = (await archive(store, erasedTenant, log)).slice(-1);
  const erasure = {
    tenantId: erasedTenant,
    topic: walTopic,
    partition,
    offset: last!.lastOffset,
    sequence,
    timeMs: last!.lastTimeMs,
    epoch: null,
  };
  await store.create(name, Buffer.from(encodeErasure(erasure)));
  return name;
}

function digestOf(steps: readonly Step[], dir: string): string {
  mkdirSync(dir, { recursive: true });
  const writer = openTenantWriter({ dir, tenantId, create: true });
  const log = placeOnLog(steps);
  writer.apply(
    steps.map(({ record }, i) => ({
      topic: walTopic,
      partition,
      offset: log[i]!.offset,
      timeMs: log[i]!.timeMs,
      record,
    })),
  );
  const { canonical } = writer.digests();
  writer.close();
  return canonical;
}
