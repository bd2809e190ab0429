import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  checksumNameOf,
  encodeChecksum,
  encodeSegment,
  firstLink,
  nextLink,
  type SegmentChecksum,
} from '@entdb/archive-format';
import { partitionOf } from '@entdb/base';
import { encodeWalRecord } from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';
import { makeSnapshot } from '@entdb/snapshot';

export const partitions = 8;

/** A record that makes a node. Record n of a tenant has the key `key-<n>` and makes the node `n<n>`. */
export function recordOf(tenantId: string, n: number): Uint8Array {
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

/** A tenant's archive as an archiver would write it. Record n stands at offset 10 n, and was appended at `sinceMs` + n seconds. */
export interface Archive {
  readonly tenantId: string;
  readonly segments: readonly SegmentChecksum[];
  /** One segment of so many records. */
  grow(records: number): Promise<SegmentChecksum>;
  /** A snapshot of what is archived by now; its id. */
  snapshot(): Promise<string>;
  timeOf(n: number): number;
}

export function archiveIn(store: ObjectStore, tenantId: string, sinceMs: number): Archive {
  const segments: SegmentChecksum[] = [];
  const place = { topic: 'entdb-wal', partition: partitionOf(tenantId, partitions) };
  const timeOf = (n: number) => sinceMs + n * 1000;
  return {
    tenantId,
    segments,
    timeOf,
    async grow(records) {
      const before = segments.at(-1);
      const link = before ? nextLink(before) : firstLink({ tenantId, ...place });
      const lines = Array.from({ length: records }, (_, i) => {
        const n = link.firstSequence + i;
        return {
          partition: place.partition,
          offset: n * 10,
          timeMs: timeOf(n),
          sequence: n,
          value: recordOf(tenantId, n),
        };
      });
      const { name, bytes, checksum } = await encodeSegment(link, lines);
      await store.create(name, bytes);
      await store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
      segments.push(checksum);
      return checksum;
    },
    async snapshot() {
      const cacheDir = mkdtempSync(join(tmpdir(), 'entdb-cli-cache-'));
      try {
        const made = await makeSnapshot({ store, tenantId, cacheDir });
        if (made.kind !== 'made') throw new Error('there is one already');
        return made.id;
      } finally {
        rmSync(cacheDir, { recursive: true, force: true });
      }
    },
  };
}

const main = join(__dirname, '../../../main.ts');

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line as a process of its own. */
export function runEntdb(args: readonly string[], env: Readonly<Record<string, string>>): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}
