import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { decodeSegment, snapshotFileName, snapshotId } from '@entdb/archive-format';
import { realClock, realRng } from '@entdb/base';
import { decodeWalRecord } from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';
import {
  planFor,
  restoreTenant,
  verifyTenant,
  type PlanRequest,
  type PlanStart,
  type RestoreRequest,
} from '@entdb/snapshot';
import type { PlacedRecord } from '@entdb/tenant-store';
import type { Contender, Contest, Sample } from '../bench/contest.ts';
import { applyAll, downloadAndWrite, parseAll, readAndHash, textsOf, unpackAll } from './raw.ts';
import type { ArchivedTenant } from './tenant.ts';

export interface ContestOptions {
  readonly store: ObjectStore;
  readonly tenant: ArchivedTenant;
  /** For what the rounds write. */
  readonly dir: string;
}

const mebibyte = 1024 * 1024;

/** A contender whose every round works in a folder of its own. */
export function inFolder(
  { dir }: ContestOptions,
  name: string,
  units: number,
  work: (folder: string) => Promise<void> | void,
): Contender {
  return {
    name,
    round: async () => {
      const folder = mkdtempSync(join(dir, 'round-'));
      try {
        return await timed(units, () => work(folder));
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}

async function timed(units: number, work: () => Promise<void> | void): Promise<Sample> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: units / seconds, cpuUs: (user + system) / units };
}

type Ask = Pick<PlanRequest, 'target' | 'from'>;

const planOf = ({ store, tenant: { tenantId } }: ContestOptions, ask: Ask) =>
  planFor({ store, clock: realClock, tenantId, short: 'accept', ...ask });

/** What the plan says of the time that it will take. */
async function estimateOf(options: ContestOptions, from: PlanStart): Promise<string> {
  const { planning } = await planOf(options, { target: { kind: 'latest' }, from });
  if (planning.kind !== 'plan') throw new Error('there is no plan');
  return `estimated ${planning.plan.estimateSeconds} s`;
}

export const restoreInto = (
  { store, tenant: { tenantId } }: ContestOptions,
  outputDir: string,
  more: Pick<RestoreRequest, 'from'> = {},
) =>
  restoreTenant({
    store,
    clock: realClock,
    rng: realRng,
    tenantId,
    target: { kind: 'latest' },
    short: 'accept',
    outputDir,
    ...more,
  });

/** The snapshot's objects. */
function filesOf({ tenantId, manifest }: ArchivedTenant) {
  const id = snapshotId(manifest.logTimeUs / 1000);
  const keys = manifest.files.map(({ name }) => snapshotFileName(tenantId, id, name));
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  return { keys, bytes };
}

export async function snapshotContest(options: ContestOptions): Promise<Contest> {
  const { keys, bytes } = filesOf(options.tenant);
  const units = bytes / mebibyte;
  return {
    title: 'restore of a snapshot',
    terms: `MiB of ${units.toFixed(1)} MiB in ${keys.length} files, ${await estimateOf(options, { kind: 'best' })}; the limit fetches and writes them, and syncs`,
    limit: inFolder(options, 'download, write', units, (folder) =>
      downloadAndWrite(options.store, keys, folder),
    ),
    contenders: [
      {
        ...inFolder(options, 'restore', units, async (folder) => {
          const { plan } = await restoreInto(options, folder);
          if (plan.base.kind !== 'snapshot' || plan.records > 0) throw new Error('it replayed');
        }),
        aim: 0.7,
      },
    ],
  };
}

/** The limit is the slowest of three, which is found out first. */
export async function replayContest(options: ContestOptions): Promise<Contest> {
  const { store, tenant } = options;
  const { tenantId, segments } = tenant;
  const stored = await Promise.all(segments.map(({ segment }) => store.read(segment)));
  const lines = (await textsOf(store, segments)).map((text) =>
    text.toString().trimEnd().split('\n'),
  );
  const records = await recordsOf(tenant, stored);
  const raws: readonly Contender[] = [
    inFolder(options, 'gunzip', records.length, () => unpackAll(stored)),
    inFolder(options, 'JSON.parse', records.length, () => parseAll(lines)),
    inFolder(options, 'bulk apply', records.length, (folder) =>
      applyAll(tenantId, records, folder),
    ),
  ];
  const rates = new Map<Contender, number>();
  for (const raw of raws) rates.set(raw, (await raw.round(0)).perSecond);
  const [limit, ...others] = raws.toSorted((a, b) => rates.get(a)! - rates.get(b)!);
  const chars = lines.flat().reduce((sum, line) => sum + line.length, 0);
  return {
    title: 'replay of an archive',
    terms: `${records.length} records, ${Math.round(chars / records.length)} bytes a line, from an empty tenant, ${await estimateOf(options, { kind: 'scratch' })}; the limit is the slowest of what must be done`,
    limit: limit!,
    contenders: [
      ...others,
      {
        ...inFolder(options, 'replay', records.length, async (folder) => {
          const report = await restoreInto(options, folder, { from: { kind: 'scratch' } });
          if (report.records !== records.length) throw new Error('not every record was replayed');
        }),
        aim: 0.5,
      },
      inFolder(options, 'find a key', records.length, async () => {
        const target = { kind: 'key', key: 'a key that nobody used', inclusive: true } as const;
        const { planning } = await planOf(options, { target, from: { kind: 'best' } });
        if (planning.kind !== 'refused') throw new Error('the key was found');
      }),
    ],
  };
}

async function recordsOf(
  { tenantId, segments }: ArchivedTenant,
  stored: readonly Uint8Array[],
): Promise<readonly PlacedRecord[]> {
  const records: PlacedRecord[] = [];
  for (const [index, checksum] of segments.entries())
    for await (const batch of decodeSegment(stored[index]!, checksum))
      for (const { partition, offset, timeMs, value } of batch)
        records.push({
          topic: checksum.topic,
          partition,
          offset,
          timeMs,
          record: decodeWalRecord(tenantId, value),
        });
  return records;
}

export async function verifyContest(options: ContestOptions): Promise<Contest> {
  const { store, tenant } = options;
  const { tenantId } = tenant;
  const keys: string[] = [];
  let bytes = 0;
  for (const top of ['archive', 'snapshots'])
    for await (const { key, size } of store.list({ prefix: `${top}/${tenantId}/` })) {
      keys.push(key);
      bytes += size;
    }
  const units = bytes / mebibyte;
  const verify = () =>
    verifyTenant({ store, clock: realClock, rng: realRng, tenantId, level: 'checksums' });
  const { estimateSeconds } = (await verify()).cost;
  return {
    title: 'verify, every checksum',
    terms: `MiB of ${units.toFixed(1)} MiB in ${keys.length} objects, estimated ${estimateSeconds} s; the limit reads and hashes them`,
    limit: inFolder(options, 'GET, SHA-256', units, () => readAndHash(store, keys)),
    contenders: [
      {
        ...inFolder(options, 'verify', units, async () => {
          const { ok } = await verify();
          if (!ok) throw new Error('verify found something');
        }),
        aim: 0.8,
      },
    ],
  };
}
