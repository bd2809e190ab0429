import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@entdb/base';
import { encodeWalRecord, val, type WalRecord } from '@entdb/contracts';
import { op, recordAt, type RecordParts } from '../../write/testing/log.ts';
import { openTenantWriter } from '../../write/writer.ts';
import type { PlacedBytes } from '../records.ts';
import { openShard, type ShardOptions } from '../shard.ts';
import type { Shard } from '../shard-api.ts';
import { tenantDir } from '../tenant-folder.ts';

/** Volumes with real files, and a short history of several tenants in partition 3. */
export const partition = 3;
const open: Shard[] = [];

/** Closes what a test left open. */
export function closeShards(): void {
  for (const shard of open.splice(0)) shard.close();
}

export function shardAt(at: string, more: Partial<ShardOptions> = {}): Shard {
  const shard = openShard({
    dir: at,
    topic: 'entdb-wal',
    partitions: 8,
    owned: [partition],
    openTenantsMax: 4,
    openWriter: openTenantWriter,
    logger: silentLogger,
    ...more,
  });
  open.push(shard);
  return shard;
}

export function close(shard: Shard): void {
  open.splice(open.indexOf(shard), 1);
  shard.close();
}

export function bytesOf(
  tenantId: string,
  offset: number,
  parts: RecordParts,
  results?: number,
): PlacedBytes {
  const { record, timeMs } = recordAt(offset, parts);
  const own: WalRecord = {
    ...record,
    tenantId,
    ...(results !== undefined && {
      results: { $typeName: 'entdb.v1.ResultsAddress', partition: results },
    }),
  };
  return { key: tenantId, offset, timeMs, value: encodeWalRecord(own) };
}

/** Offset n creates node n in one of three tenants. */
export const history = (from: number, to: number): readonly PlacedBytes[] =>
  Array.from({ length: to - from }, (_, i) => {
    const offset = from + i;
    return bytesOf(`tenant_${offset % 3}`, offset, {
      operations: [op.create(`node-${offset}`, { 1: val.int(offset) })],
    });
  });

export const damaged = (tenantId: string, offset: number): PlacedBytes => {
  const record = bytesOf(tenantId, offset, { operations: [op.create('lost', {})] });
  const value = Buffer.from(record.value);
  value[value.length - 1]! ^= 1;
  return { ...record, value };
};

export function digests(at: string, tenants: readonly string[]): readonly string[] {
  return tenants.map((tenantId) => {
    const writer = openTenantWriter({ dir: tenantDir(at, tenantId), tenantId, create: false });
    try {
      writer.scrub();
      return `${writer.position.offset} ${writer.digests().canonical} ${writer.digests().mailbox}`;
    } finally {
      writer.close();
    }
  });
}

export const three = ['tenant_0', 'tenant_1', 'tenant_2'];

/** The digests of an applier that nothing ever happened to. */
export function undisturbed(records: readonly PlacedBytes[]): readonly string[] {
  const clean = mkdtempSync(join(tmpdir(), 'shard-clean-'));
  const shard = shardAt(clean);
  shard.apply(partition, records);
  close(shard);
  try {
    return digests(clean, three);
  } finally {
    rmSync(clean, { recursive: true });
  }
}
