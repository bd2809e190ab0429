import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { decodeWalRecord } from '@entdb/contracts';
import { openTenantWriter, type PlacedRecord, type TenantWriter } from '@entdb/tenant-store';
import { walTopic, type LogRecord, type Wal } from '@entdb/wal';
import { dumpRows, hashRows } from '../restore/rows.ts';

export interface Digests {
  readonly canonical: string;
  readonly mailbox: string;
}

/**
 * What every tenant is after every record: the log, followed and applied record by record, with nothing of archive, snapshots or restores. Asked for what is not there
 * yet it waits.
 */
export interface Truth {
  /** By sequence. */
  digestsOf(tenantId: string, sequence: number): Digests | undefined;
  records(tenantId: string): readonly PlacedRecord[];
  /** SHA-256 of all rows after so many records. Applies them anew. */
  rowsOf(tenantId: string, sequence: number): string;
  /** Resolves when everything up to the log's present end has been applied. */
  caughtUp(): Promise<void>;
  stop(): Promise<void>;
}

export function followLog(wal: Wal, partitions: number, dir: string): Truth {
  const tenants = new Map<
    string,
    { readonly writer: TenantWriter; readonly records: PlacedRecord[]; readonly digests: Digests[] }
  >();
  const done = new AbortController();
  const reached = Array.from({ length: partitions }, () => 0);
  let moved = Promise.withResolvers<void>();

  const tenantOf = (tenantId: string) => {
    const known = tenants.get(tenantId);
    if (known) return known;
    const own = join(dir, tenantId);
    mkdirSync(own, { recursive: true });
    const writer = openTenantWriter({ dir: own, tenantId, create: true });
    const made = { writer, records: [], digests: [] };
    tenants.set(tenantId, made);
    return made;
  };
  const take = ({ key, value, ...at }: LogRecord): void => {
    const { topic, partition, offset, timeMs } = at;
    const record = { topic, partition, offset, timeMs, record: decodeWalRecord(key, value) };
    const { writer, records, digests } = tenantOf(key);
    const { poison } = writer.apply([record]);
    if (poison) throw poison.error;
    records.push(record);
    digests.push(writer.digests());
  };
  const following = Promise.all(
    reached.map((_, partition) =>
      wal.consume({
        topic: walTopic,
        from: new Map([[partition, 0]]),
        signal: done.signal,
        onBatch: async ({ records }) => {
          for (const record of records) take(record);
          reached[partition] = (records.at(-1)?.offset ?? -1) + 1;
          moved.resolve();
          moved = Promise.withResolvers();
        },
      }),
    ),
  );
  following.catch(() => {}); // told by whoever waits

  return {
    digestsOf: (tenantId, sequence) => tenants.get(tenantId)?.digests[sequence - 1],
    records: (tenantId) => tenants.get(tenantId)?.records ?? [],
    rowsOf(tenantId, sequence) {
      const scratch = mkdtempSync(join(dir, '.prefix-'));
      const writer = openTenantWriter({ dir: scratch, tenantId, create: true });
      try {
        writer.apply(tenantOf(tenantId).records.slice(0, sequence));
      } finally {
        writer.close();
      }
      const rows = hashRows(dumpRows(scratch));
      rmSync(scratch, { recursive: true });
      return rows;
    },
    async caughtUp() {
      for (const partition of reached.keys()) {
        const { endOffset } = await wal.bounds(walTopic, partition);
        while ((reached[partition] ?? 0) < endOffset)
          await Promise.race([following, moved.promise]);
      }
    },
    async stop() {
      done.abort();
      await following;
      for (const { writer } of tenants.values()) writer.close();
    },
  };
}
