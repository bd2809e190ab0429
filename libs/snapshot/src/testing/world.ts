import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  checksumNameOf,
  encodeChecksum,
  encodeErasure,
  encodeSegment,
  erasureName,
  firstLink,
  nextLink,
  type SegmentChecksum,
} from '@entdb/archive-format';
import { realRng, type Clock } from '@entdb/base';
import { decodeWalRecord } from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';
import {
  adoptRestored,
  openTenantWriter,
  type PlacedRecord,
  type TenantWriter,
} from '@entdb/tenant-store';
import type { DatabaseSync } from 'node:sqlite';
import { erases } from '../find-erasures.ts';
import type { Point } from '../limit.ts';
import type { Digests } from '../replay.ts';
import {
  baseTimeMs,
  place,
  restoration,
  tenantId,
  withRecords,
  type RawRecord,
} from './records.ts';

/** A clock that stands where it is put; nothing in this library waits by it but a lease's renewal and a restore that waits for retention. */
export function testClock(
  nowMs = baseTimeMs + 10 * 365 * 86_400_000,
): Clock & { set(ms: number): void } {
  let now = nowMs;
  return {
    now: () => now,
    monotonic: () => now,
    sleep: (_ms, signal) =>
      new Promise((_resolve, reject) => {
        const abort = () => reject(signal?.reason as Error);
        if (signal?.aborted) abort();
        else signal?.addEventListener('abort', abort, { once: true });
      }),
    set: (ms) => {
      now = ms;
    },
  };
}

export const rng = realRng;

/** A folder that goes away with the test. */
export function scratchFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'entdb-snapshot-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** What the live system held after each record: the oracle. Index = sequence; 0 is before the first. */
export interface Truth {
  readonly points: readonly Point[];
  readonly digests: readonly Digests[];
  readonly rows: readonly string[];
  readonly epochs: readonly number[];
}

export function placed({ offset, timeMs, value }: RawRecord): PlacedRecord {
  return { ...place, offset, timeMs, record: decodeWalRecord(tenantId, value) };
}

/** Applies one record after another, as an applier would, and looks at everything after each. */
export function truthOf(log: readonly RawRecord[]): Truth {
  const folder = scratchFolder();
  const dir = join(folder.path, 'live');
  openTenantWriter({ dir, tenantId, create: true }).close();
  const points: Point[] = [{ sequence: 0, offset: -1, timeMs: 0 }];
  const digests: Digests[] = [];
  const rows: string[] = [rowsOf(dir)];
  const epochs: number[] = [];
  applyAll(dir, log, (writer) => {
    const { sequence, offset, logTimeUs, epoch } = writer.position;
    digests.push(writer.digests());
    epochs.push(epoch);
    if (sequence === 0) return;
    points.push({ sequence, offset, timeMs: logTimeUs / 1000 });
    rows.push(rowsOf(dir));
  });
  folder.remove();
  return { points, digests, rows, epochs };
}

/** Restores in place by the plainest of ways: the log is applied from its beginning to the record that is named. */
function applyAll(
  dir: string,
  log: readonly RawRecord[],
  look: (writer: TenantWriter) => void,
): void {
  let writer = openTenantWriter({ dir, tenantId, create: true });
  look(writer);
  for (const record of log) {
    const { poison, adoption } = writer.apply([placed(record)]);
    if (poison) throw poison.error;
    if (adoption) {
      writer.close();
      const restored = `${dir}-to-${adoption.restored.sequence}`;
      applyAll(restored, log.slice(0, Number(adoption.restored.sequence)), () => undefined);
      adoptRestored({ tenantId, current: dir, restored, placed: adoption.placed });
      rmSync(dir, { recursive: true });
      renameSync(restored, dir);
      writer = openTenantWriter({ dir, tenantId, create: false });
    }
    look(writer);
  }
  writer.close();
}

/** The log with restores in place: from the number of the record to that of the one that comes back. Their objects are nowhere. */
export function withRestores(
  log: readonly RawRecord[],
  restores: Readonly<Record<number, number>>,
): readonly RawRecord[] {
  let made = log;
  for (const [at, sequence] of Object.entries(restores)) {
    const truth = truthOf(made.slice(0, Number(at) - 1));
    const { canonical, mailbox } = truth.digests[sequence]!;
    const record = restoration(`restore-${at}`, {
      sequence,
      offset: truth.points[sequence]!.offset,
      epoch: truth.epochs[sequence]!,
      canonicalDigest: canonical,
      mailboxDigest: mailbox,
      manifestSha256: 'ab'.repeat(32),
      expectedEpoch: truth.epochs.at(-1)!,
    });
    made = withRecords(made, { [at]: record });
  }
  return made;
}

const tables = {
  canonical: [
    'SELECT id, type, version, created_at, updated_at, fields, hash FROM nodes ORDER BY id',
    'SELECT * FROM edges',
    'SELECT * FROM unique_keys',
    'SELECT * FROM field_index',
    'SELECT * FROM applied_events',
    'SELECT * FROM schemas',
    'SELECT state, topic, "partition", "offset", epoch, sequence, log_time_us, digest FROM meta',
  ],
  mailbox: [
    'SELECT user_id, node_id, type, thread_id, snippet, text, read, delivered_at, hash FROM items ORDER BY user_id, node_id',
    'SELECT state, topic, "partition", "offset", epoch, sequence, log_time_us, digest FROM meta',
  ],
} as const;

/** Every row that counts, read past the store's own code. */
export function rowsOf(dir: string): string {
  const sqlite = createRequire(__filename)('node:sqlite') as { DatabaseSync: typeof DatabaseSync };
  return Object.entries(tables)
    .map(([name, queries]) => {
      const db = new sqlite.DatabaseSync(join(dir, `${name}.db`), { readOnly: true });
      try {
        const all = queries.map((sql) => db.prepare(sql).all());
        return JSON.stringify(all, (_, value: unknown) =>
          value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
        );
      } finally {
        db.close();
      }
    })
    .join('\n');
}

/** Archives a log as the archiver would, cut at the given numbers of records. */
export async function archive(
  store: ObjectStore,
  log: readonly RawRecord[],
  cut: (segment: number) => number,
  after?: SegmentChecksum,
): Promise<readonly SegmentChecksum[]> {
  const checksums: SegmentChecksum[] = [];
  let link = after ? nextLink(after) : firstLink({ tenantId, ...place });
  for (let at = 0; at < log.length;) {
    const records = log.slice(at, at + cut(checksums.length)).map((record, i) => ({
      partition: place.partition,
      offset: record.offset,
      timeMs: record.timeMs,
      sequence: link.firstSequence + i,
      value: record.value,
    }));
    const { name, bytes, checksum } = await encodeSegment(link, records);
    await store.create(name, bytes);
    for (const [i, { offset, sequence, value }] of records.entries()) {
      if (!erases(tenantId, value)) continue;
      const timeMs = Math.max(link.timeMsMin, ...records.slice(0, i + 1).map((r) => r.timeMs));
      const erasure = { tenantId, ...place, offset, sequence, timeMs, epoch: null };
      await store.create(erasureName(tenantId, sequence), Buffer.from(encodeErasure(erasure)));
    }
    await store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
    checksums.push(checksum);
    link = nextLink(checksum);
    at += records.length;
  }
  return checksums;
}

export async function allObjects(store: ObjectStore): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list({ prefix: '' })) keys.push(key);
  return keys;
}
