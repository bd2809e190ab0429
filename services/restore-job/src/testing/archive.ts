import {
  checksumNameOf,
  encodeChecksum,
  encodeSegment,
  firstLink,
  nextLink,
  type ChainLink,
} from '@entdb/archive-format';
import { partitionOf } from '@entdb/base';
import { encodeWalRecord } from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';

const partitions = 8;
const sinceMs = Date.UTC(2026, 0, 15);

/** Archives a tenant of so many records, in segments of so many. Record n has the key `key-<n>`, and stands at offset n. */
export async function archiveTenant(
  store: ObjectStore,
  tenantId: string,
  { records, perSegment }: { readonly records: number; readonly perSegment: number },
): Promise<void> {
  const place = { topic: 'entdb-wal', partition: partitionOf(tenantId, partitions) };
  let link: ChainLink = firstLink({ tenantId, ...place });
  while (link.firstSequence <= records) {
    const first = link.firstSequence;
    const lines = Array.from({ length: Math.min(perSegment, records - first + 1) }, (_, i) => ({
      partition: place.partition,
      offset: first + i,
      timeMs: sinceMs + first + i,
      sequence: first + i,
      value: nodeRecord(tenantId, first + i),
    }));
    const { name, bytes, checksum } = await encodeSegment(link, lines);
    await store.create(name, bytes);
    await store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
    link = nextLink(checksum);
  }
}

function nodeRecord(tenantId: string, n: number): Uint8Array {
  return encodeWalRecord({
    $typeName: 'entdb.v1.WalRecord',
    tenantId,
    idempotencyKey: `key-${n}`,
    requestHash: new Uint8Array(32).fill(n % 251),
    actor: 'test',
    schemaFingerprint: '',
    autoCreate: true,
    body: {
      case: 'transaction',
      value: {
        $typeName: 'entdb.v1.Transaction',
        preconditions: [],
        operations: [
          {
            $typeName: 'entdb.v1.Operation',
            op: {
              case: 'createNode',
              value: {
                $typeName: 'entdb.v1.CreateNode',
                typeId: 1,
                id: `n${n}`,
                alias: '',
                fields: {},
                onConflict: 0,
              },
            },
          },
        ],
      },
    },
  });
}
