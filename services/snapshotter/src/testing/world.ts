import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import {
  checksumNameOf,
  encodeChecksum,
  encodeSegment,
  firstLink,
  nextLink,
  type SegmentChecksum,
} from '@entdb/archive-format';
import { partitionOf, realClock } from '@entdb/base';
import { encodeWalRecord, val, WalRecordSchema } from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';

export const partitions = 4;

/** A record that makes a node, and delivers it to a mailbox now and then. */
export function recordOf(tenantId: string, n: number): Uint8Array {
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
                  fields: { 1: val.str(`title ${n}`) },
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

/** Resolves when the condition holds. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await realClock.sleep(2);
}

/** A folder that goes away with the test. */
export function scratchFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'entdb-snapshotter-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export async function keysOf(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list({ prefix })) keys.push(key);
  return keys;
}
