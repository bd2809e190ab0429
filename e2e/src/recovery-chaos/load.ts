import { setTimeout as delay } from 'node:timers/promises';
import { partitionOf } from '@entdb/base';
import {
  encodeWalRecord,
  OnConflict,
  requestHash,
  val,
  type Operation,
  type WalRecord,
} from '@entdb/contracts';
import { walTopic, type Lane, type Wal } from '@entdb/wal';
import type { Seeded } from '../parts/seeded.ts';

/** Writes to the log while everything else goes on. */
export interface Load {
  /** Writes briskly for a while. What a round takes longer it must not make larger: then it goes on slowly. */
  quicken(): void;
  /** Tenants that are written to from now on. */
  setTenants(tenants: readonly string[]): void;
  /** Writes so many records of one tenant at once, each with so many bytes of text. */
  write(tenantId: string, count: number, bytes?: number): Promise<void>;
  readonly written: number;
  stop(): Promise<void>;
}

/** The pace of the load, not a wait for anything. */
const briskMs = 40;
const slowMs = 4_000;
const briskRecords = 60;
const ids = Array.from({ length: 60 }, (_, i) => `node-${i}`);

export async function startLoad(wal: Wal, partitions: number, random: Seeded): Promise<Load> {
  const lanes: readonly Lane[] = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => wal.openLane(walTopic, partition)),
  );
  const ended = new AbortController();
  let tenants: readonly string[] = [];
  let written = 0;
  let sinceQuickened = 0;

  const append = async (tenantId: string, bytes: number): Promise<void> => {
    written += 1;
    const value = encodeWalRecord(recordOf(tenantId, `key-${written}`, bytes, random));
    await lanes[partitionOf(tenantId, partitions)]!.append([{ key: tenantId, value }]);
  };
  const loop = (async () => {
    while (!ended.signal.aborted) {
      if (tenants.length > 0) await append(random.pick(tenants), random.between(0, 300));
      sinceQuickened += 1;
      const pauseMs = sinceQuickened < briskRecords ? briskMs : slowMs;
      await delay(pauseMs, undefined, { signal: ended.signal }).catch(() => {});
    }
  })();
  return {
    quicken: () => {
      sinceQuickened = 0;
    },
    setTenants: (now) => {
      tenants = now;
    },
    async write(tenantId, count, bytes = 50) {
      await Promise.all(Array.from({ length: count }, () => append(tenantId, bytes)));
    },
    get written() {
      return written;
    },
    async stop() {
      ended.abort();
      await loop;
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}

function recordOf(tenantId: string, key: string, bytes: number, random: Seeded): WalRecord {
  const value = {
    $typeName: 'entdb.v1.Transaction' as const,
    operations: Array.from({ length: random.between(1, 4) }, () => operationOf(key, bytes, random)),
    preconditions: [],
  };
  return {
    $typeName: 'entdb.v1.WalRecord',
    tenantId,
    idempotencyKey: key,
    requestHash: requestHash(value),
    actor: 'chaos',
    schemaFingerprint: '',
    autoCreate: true,
    body: { case: 'transaction', value },
  };
}

/** Some are rejected, for a node that is not there: that is a verdict, too. */
function operationOf(key: string, bytes: number, random: Seeded): Operation {
  const id = random.pick(ids);
  // Not to be packed by gzip.
  const text = Buffer.from(random.bytes(Math.ceil(bytes / 2))).toString('hex');
  const fields = { 1: val.str(key), 2: val.str(text) };
  const delivery = {
    $typeName: 'entdb.v1.Delivery' as const,
    userIds: [`u${random.between(0, 3)}`],
    threadId: '',
    snippet: key,
    text: '',
  };
  const op = (value: Operation['op']): Operation => ({
    $typeName: 'entdb.v1.Operation',
    op: value,
  });
  switch (random.between(0, 6)) {
    case 0:
      return op({ case: 'deleteNode', value: { $typeName: 'entdb.v1.DeleteNode', typeId: 1, id } });
    case 1:
      return op({
        case: 'updateNode',
        value: { $typeName: 'entdb.v1.UpdateNode', typeId: 1, id, set: fields, clear: [] },
      });
    default:
      return op({
        case: 'createNode',
        value: {
          $typeName: 'entdb.v1.CreateNode',
          alias: '',
          typeId: 1,
          id,
          fields,
          onConflict: OnConflict.SKIP,
          ...(random.between(0, 3) === 0 && { delivery }),
        },
      });
  }
}
