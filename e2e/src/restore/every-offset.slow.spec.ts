/**
 * A restore to any offset, and to any time, is what the live system held there.
 *
 * Method: a history that knows what it makes is written in batches through a real fleet, so that many records have one stamp; two snapshots are made on
 * the way. Then every offset, with snapshots and without, and as many random times (each stamp and its neighbours among them) are restored from the
 * objects alone. Rows must be the history's own account, digests those that the live applier kept with its verdicts.
 *
 * ENTDB_TEST_RECORDS=2000 for the long form, ENTDB_TEST_SEED for another history.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import Database from 'better-sqlite3';
import { partitionOf, realClock, realRng } from '@entdb/base';
import { createClient } from '@entdb/client';
import { parseSettings } from '@entdb/config';
import { QueryNodesRequestSchema, type Node } from '@entdb/contracts';
import { startFleet, type Fleet } from '@entdb/deploy/local';
import {
  openPlaces,
  recoverySettings,
  restoreAll,
  type Outcome,
  type Places,
} from '@entdb/restore';
import { loadCatalog, makeSnapshot, type RestoreTarget } from '@entdb/snapshot';
import { openTenantReader, tenantDir } from '@entdb/tenant-store';
import { createEmbeddedWal, walTopic } from '@entdb/wal';
import { eventually } from '../parts/eventually.ts';
import { seeded } from '../parts/seeded.ts';
import { Item, makeHistory, schema, type ItemClient, type Step } from './history.ts';

const count = Number(process.env['ENTDB_TEST_RECORDS'] ?? 50);
const seed = Number(process.env['ENTDB_TEST_SEED'] ?? 20_261_123);
const partitions = 2;
const batchSize = 7;
const tenantId = 'every-offset';

interface Place {
  readonly offset: number;
  /** The highest stamp up to here. */
  readonly timeMs: number;
}

let dir: string;
let fleet: Fleet;
let places: Places;
let steps: readonly Step[];
/** By sequence less one. */
let log: readonly Place[];
/** What the live applier kept, by offset. */
let kept: ReadonlyMap<number, string>;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'entdb-every-offset-'));
  const dataDir = join(dir, 'data');
  const env = {
    ENTDB_WAL_PARTITIONS: String(partitions),
    ENTDB_ARCHIVE_SEGMENT_BYTES: '4KiB',
    ENTDB_ARCHIVE_IDLE: '100ms',
  };
  fleet = await startFleet({ dataDir, archivers: 1, env });
  await fleet.ready();
  places = openPlaces(parseSettings(recoverySettings, { ...env, ENTDB_DATA_DIR: dataDir }), {
    archiveOnly: true,
  });
  steps = makeHistory(count, seeded(seed));
  const client = createClient({ endpoint: fleet.endpoint, schema });
  try {
    await writeAll(client);
  } finally {
    await client.close();
  }
  await fleet.stop();
  log = await readLog(join(dataDir, 'log'));
  kept = readKept(tenantDir(fleet.storeDir(fleet.appliers[0]!), tenantId));
}, 600_000);

afterAll(async () => {
  await fleet?.stop();
  await places?.close();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

async function writeAll(client: ItemClient): Promise<void> {
  const snapshotsAt = [1, 2].map(
    (third) => Math.floor((count * third) / 3 / batchSize) * batchSize,
  );
  const tenant = client.tenant(tenantId);
  for (let at = 0; at < steps.length; at += batchSize) {
    if (snapshotsAt.includes(at) && at > 0) await takeSnapshot(at);
    const batch = steps.slice(at, at + batchSize);
    const outcomes = await tenant.batch(
      batch.map(({ planner }) => planner),
      { idempotencyKey: (i) => batch[i]!.key },
    );
    expect(outcomes.map(({ ok }) => (ok ? 'applied' : 'rejected'))).toEqual(
      batch.map(({ verdict }) => verdict),
    );
  }
  await archived(count);
}

const archived = (records: number) =>
  eventually(`record ${records} in the archive`, async () => {
    const { windows } = await loadCatalog(places.store, tenantId);
    return windows.at(-1)?.last.sequence === records;
  });

async function takeSnapshot(records: number): Promise<void> {
  await archived(records);
  const { store } = places;
  const made = await makeSnapshot({ store, tenantId, cacheDir: join(dir, 'cache') });
  expect(made.kind).toBe('made');
}

async function readLog(directory: string): Promise<readonly Place[]> {
  const wal = createEmbeddedWal({ directory });
  const partition = partitionOf(tenantId, partitions);
  const { endOffset } = await wal.bounds(walTopic, partition);
  const found: Place[] = [];
  const done = new AbortController();
  await wal.consume({
    topic: walTopic,
    from: new Map([[partition, 0]]),
    signal: done.signal,
    onBatch: async ({ records }) => {
      for (const { key, offset, timeMs } of records)
        if (key === tenantId)
          found.push({ offset, timeMs: Math.max(timeMs, found.at(-1)?.timeMs ?? 0) });
      if ((records.at(-1)?.offset ?? -1) + 1 >= endOffset) done.abort();
    },
  });
  await wal.close();
  return found;
}

function readKept(store: string): ReadonlyMap<number, string> {
  const file = new Database(join(store, 'canonical.db'), { readonly: true });
  try {
    const rows = file
      .prepare<[], { offset: number; digest: Buffer }>(
        'SELECT "offset", digest FROM applied_events',
      )
      .all();
    return new Map(rows.map(({ offset, digest }) => [offset, digest.toString('hex')]));
  } finally {
    file.close();
  }
}

async function restoreTo(target: RestoreTarget, kind: 'best' | 'scratch'): Promise<Outcome> {
  const outputDir = join(dir, 'restored');
  rmSync(outputDir, { recursive: true, force: true });
  const { outcomes } = await restoreAll({
    places,
    clock: realClock,
    rng: realRng,
    tenantIds: [tenantId],
    target,
    outputDir,
    start: { kind },
    archiveOnly: true,
  });
  return outcomes[0]!;
}

function rowsRestored(): readonly string[] {
  const reader = openTenantReader({ dir: join(dir, 'restored', tenantId), tenantId });
  try {
    const rows: string[] = [];
    let pageToken = '';
    do {
      const request = { typeId: Item.id, pageSize: 1000, pageToken };
      const page = reader.queryNodes(create(QueryNodesRequestSchema, request));
      rows.push(...page.nodes.map(rowOf));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    return rows.toSorted();
  } finally {
    reader.close();
  }
}

function rowOf({ id, fields }: Node): string {
  const [name, size] = [fields[1]?.kind, fields[2]?.kind];
  return `${id} ${name?.case === 'str' ? name.value : '?'} ${size?.case === 'int' ? size.value : '?'}`;
}

/** Throws unless what was restored is the history up to the record. */
function expectPrefix(sequence: number, outcome: Outcome): void {
  if (outcome.kind === 'failed') throw outcome.error;
  const { offset, timeMs } = log[sequence - 1]!;
  const { reached, digests, records } = outcome.report;
  expect({ reached, records }).toEqual({
    reached: { sequence, offset, timeMs },
    records: sequence,
  });
  const live = kept.get(offset);
  if (live !== undefined) expect(digests.canonical).toBe(live);
  expect(readdirSync(join(dir, 'restored'))).toEqual([tenantId]);
  expect(rowsRestored()).toEqual(steps[sequence - 1]!.rows);
}

it('wrote a history that is worth restoring', () => {
  expect(log.map(({ offset }) => offset)).toEqual(steps.map((_, i) => i));
  const stamps = new Set(log.map(({ timeMs }) => timeMs));
  expect(stamps.size).toBeLessThan(count / 2); // equal stamps
  const sentOnce = new Set(steps.map(({ key }) => key)).size;
  expect(sentOnce).toBeLessThan(count);
  expect(kept.size).toBe(sentOnce);
});

it.each(['best', 'scratch'] as const)(
  'restores to every offset, from %s',
  async (start) => {
    const bases = new Set<string>();
    for (const [index, { offset }] of log.entries()) {
      const outcome = await restoreTo({ kind: 'position', offset, inclusive: true }, start);
      expectPrefix(index + 1, outcome);
      if (outcome.kind === 'restored') bases.add(outcome.report.plan.base.kind);
    }
    expect([...bases].toSorted()).toEqual(start === 'best' ? ['scratch', 'snapshot'] : ['scratch']);
  },
  3_600_000,
);

it(`restores to random times (seed ${seed})`, async () => {
  const random = seeded(seed + 1);
  for (let n = 0; n < count; n += 1) {
    const timeMs = random.pick(log).timeMs + random.between(-1, 2);
    const inclusive = random.between(0, 2) === 0;
    const outcome = await restoreTo({ kind: 'time', timeMs, inclusive }, 'best');
    const sequence = log.filter((at) =>
      inclusive ? at.timeMs <= timeMs : at.timeMs < timeMs,
    ).length;
    if (sequence > 0) expectPrefix(sequence, outcome);
    else expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'TARGET_BEFORE_FIRST' } });
  }
}, 3_600_000);
