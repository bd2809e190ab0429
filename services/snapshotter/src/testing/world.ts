import { create } from '@bufbuild/protobuf';
import {
  checksumNameOf,
  encodeChecksum,
  encodeSegment,
  firstLink,
  nextLink,
  type SegmentChecksum,
} from '@entdb/archive-format';
import { partitionOf } from '@entdb/base';
import {
  decodeWalRecord,
  encodeStatusRecord,
  encodeWalRecord,
  StatusRecordSchema,
  val,
  WalRecordSchema,
} from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';
import { openTenantWriter } from '@entdb/tenant-store';

export const partitions = 4;

/** A record that makes a node, and delivers it to a mailbox now and then. */
export function recordOf(tenantId: string, n: number, mark = ''): Uint8Array {
  return encodeWalRecord(
    create(WalRecordSchema, {
      tenantId,
      idempotencyKey: `key-${n}`,
      requestHash: new Uint8Array(32).fill(n % 251),
      actor: 'test',
      autoCreate: true,
      body: {
        case: 'transaction',
        value: {
          operations: [
            {
              op: {
                case: 'createNode',
                value: {
                  typeId: 1,
                  id: `n${n}`,
                  fields: { 1: val.str(`title ${n}${mark}`) },
                  ...(n % 3 === 0 && { delivery: { userIds: ['u1'], snippet: `s ${n}` } }),
                },
              },
            },
          ],
        },
      },
    }),
  );
}

/** The archives of many tenants, as an archiver would write them, growing by a segment at a time. */
export interface Archives {
  /** One segment of so many records, stamped `timeMs` and on, a millisecond apart. */
  grow(tenantId: string, records: number, timeMs?: number): Promise<SegmentChecksum>;
}

export function archivesIn(store: ObjectStore): Archives {
  const last = new Map<string, SegmentChecksum>();
  return {
    async grow(tenantId, records, timeMs = Date.now()) {
      const place = { topic: 'entdb-wal', partition: partitionOf(tenantId, partitions) };
      const before = last.get(tenantId);
      const link = before ? nextLink(before) : firstLink({ tenantId, ...place });
      const lines = Array.from({ length: records }, (_, i) => ({
        partition: place.partition,
        offset: link.firstSequence + i,
        timeMs: timeMs + i,
        sequence: link.firstSequence + i,
        value: recordOf(tenantId, link.firstSequence + i),
      }));
      const { name, bytes, checksum } = await encodeSegment(link, lines);
      await store.create(name, bytes);
      await store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
      last.set(tenantId, checksum);
      return checksum;
    },
  };
}

export interface Digests {
  readonly canonical: string;
  readonly mailbox: string;
}

/** Makes the files that an applier has after the first records of one segment, in a folder; gives their digests. `mark` goes into each record. */
export function applied(
  dir: string,
  tenantId: string,
  records: number,
  timeMs: number,
  mark = '',
): Digests {
  const partition = partitionOf(tenantId, partitions);
  const writer = openTenantWriter({ dir, tenantId, create: true });
  try {
    writer.apply(
      Array.from({ length: records }, (_, i) => ({
        topic: 'entdb-wal',
        partition,
        offset: i + 1,
        timeMs: timeMs + i,
        record: decodeWalRecord(tenantId, recordOf(tenantId, i + 1, mark)),
      })),
    );
    return writer.digests();
  } finally {
    writer.close();
  }
}

/** A record of entdb-status, by which an applier publishes the digests of a tenant's files. */
export function published(instance: string, tenantId: string, sequence: number, digests: Digests) {
  const position = {
    topic: 'entdb-wal',
    partition: partitionOf(tenantId, partitions),
    offset: BigInt(sequence),
  };
  const status = {
    tenantId,
    position,
    sequence: BigInt(sequence),
    canonicalDigest: digests.canonical,
    mailboxDigest: digests.mailbox,
  };
  const record = create(StatusRecordSchema, {
    service: 'applier',
    instance,
    status: { case: 'checkpoint', value: { digests: [status] } },
  });
  return { key: instance, value: encodeStatusRecord(record) };
}

export async function keysOf(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list({ prefix })) keys.push(key);
  return keys;
}
