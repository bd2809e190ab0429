import { join } from 'node:path';
import { realClock, realRng } from '@entdb/base';
import { loadCatalog, verifyTenant } from '@entdb/snapshot';
import { eventually } from '../parts/eventually.ts';
import { seeded } from '../parts/seeded.ts';
import { startLoad } from './load.ts';
import { createObjectLedger } from './object-ledger.ts';
import { planRounds } from './plan.ts';
import { playRound, type Stage } from './rounds.ts';
import { startServices } from './services.ts';
import { openSurroundings } from './surroundings.ts';
import { followLog } from './truth.ts';

export interface RecoveryChaosOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly s3: boolean;
  readonly kafka: boolean;
  /** Begins no round after so many minutes. */
  readonly minutesMax?: number;
  readonly aside: (line: string) => void;
}

export interface RecoveryChaosReport {
  readonly rounds: number;
  /** By `victim: step`. */
  readonly kills: ReadonlyMap<string, number>;
  readonly records: number;
  readonly tenants: number;
  readonly restoresCompleted: number;
  /** Snapshots whose manifest has the digests that the log leads to. */
  readonly snapshotsCompared: number;
  /** Looks at every byte and at the chain of a tenant. */
  readonly verified: number;
  readonly objects: number;
  /** Objects that were overwritten or removed. */
  readonly changed: readonly string[];
  readonly wrong: readonly string[];
}

/** After so many rounds others are written to: the archive of a tenant stays small enough to be read whole after each round. */
const roundsPerGeneration = 12;
const recordsOfLarge = 300;
const bytesOfLarge = 1_000;

/** Kills archiver, snapshotter and restore while a log is written to, and compares everything after each kill. */
export async function runRecoveryChaos(
  options: RecoveryChaosOptions,
): Promise<RecoveryChaosReport> {
  const { rounds, seed, aside } = options;
  const surroundings = await openSurroundings(options);
  const { dir, wal, partitions, store } = surroundings;
  const truth = followLog(wal, partitions, join(dir, 'truth'));
  const load = await startLoad(wal, partitions, seeded(seed + 1));
  const services = startServices(surroundings);
  const ledger = createObjectLedger(store);
  const kills = new Map<string, number>();
  const wrong: string[] = [];
  const all: string[] = [];
  const compared = new Set<string>();
  let tenants: readonly string[] = [];
  let restoresCompleted = 0;
  let verified = 0;

  const stage: Stage = {
    surroundings,
    services,
    truth,
    load,
    random: seeded(seed + 2),
    tenants: () => tenants,
    killed(victim, moment) {
      const name = `${victim}: ${moment}`;
      kills.set(name, (kills.get(name) ?? 0) + 1);
    },
    completed: () => void (restoresCompleted += 1),
    wrong(what) {
      wrong.push(what);
      aside(`WRONG: ${what}`);
    },
  };

  const beginGeneration = async (number: number): Promise<void> => {
    const large = `g${number}-large`;
    tenants = [`g${number}-a`, `g${number}-b`, large];
    all.push(...tenants);
    load.setTenants(tenants);
    await load.write(large, recordsOfLarge, bytesOfLarge);
    for (const tenantId of tenants) await load.write(tenantId, 30);
    for (const tenantId of tenants)
      await eventually(`a snapshot of ${tenantId}`, async () => {
        const { history } = await loadCatalog(store, tenantId);
        return history.snapshots.length > 0;
      });
  };

  /** Every manifest that is there, against the log. */
  const compareSnapshots = async (tenantId: string): Promise<void> => {
    const { history } = await loadCatalog(store, tenantId);
    for (const { sequence, digests, logTimeUs } of history.snapshots) {
      const id = `${tenantId} ${logTimeUs}`;
      if (compared.has(id)) continue;
      compared.add(id);
      await truth.caughtUp();
      const expected = truth.digestsOf(tenantId, sequence);
      if (digests.canonical !== expected?.canonical || digests.mailbox !== expected.mailbox)
        stage.wrong(`the snapshot of ${tenantId} at record ${sequence} has other digests`);
    }
  };

  const verify = async (tenantId: string, level: 'checksums' | 'restore') => {
    const report = await verifyTenant({ store, clock: realClock, rng: realRng, tenantId, level });
    verified += 1;
    for (const { code, message } of report.findings)
      stage.wrong(`verify ${level} of ${tenantId}: ${code}: ${message}`);
    return report;
  };

  const endsAt = performance.now() + (options.minutesMax ?? Infinity) * 60_000;
  let played = 0;
  try {
    for (const [index, round] of planRounds(rounds, seeded(seed)).entries()) {
      if (index % roundsPerGeneration === 0)
        await beginGeneration(Math.floor(index / roundsPerGeneration));
      if (performance.now() > endsAt) break;
      played += 1;
      load.quicken();
      await playRound(stage, round);
      await ledger.look();
      for (const tenantId of tenants) {
        await verify(tenantId, 'checksums');
        await compareSnapshots(tenantId);
      }
      if ((index + 1) % 10 === 0) aside(`round ${index + 1} of ${rounds}: ${ledger.seen} objects`);
    }
    load.setTenants([]);
    await load.stop();
    await truth.caughtUp();
    for (const tenantId of all)
      await eventually(`all of ${tenantId} is archived`, async () => {
        const { windows } = await loadCatalog(store, tenantId);
        return windows.at(-1)?.last.sequence === truth.records(tenantId).length;
      });
    const codes = await services.stop();
    // null: one that was started a moment ago, and was ended by SIGTERM before it listened for it.
    if (codes.some((code) => code !== 0 && code !== null))
      stage.wrong(`the services ended with ${codes.join()}`);
    aside('the load has stopped; everything is restored from its beginning');
    for (const tenantId of all) {
      const { restored } = await verify(tenantId, 'restore');
      await compareSnapshots(tenantId);
      const records = truth.records(tenantId).length;
      const expected = truth.digestsOf(tenantId, records);
      if (restored?.records !== records || restored.digests.canonical !== expected?.canonical)
        stage.wrong(`${tenantId} as the archive has it is not what the log has`);
    }
    await ledger.look();
    await ledger.readAgain();
    return {
      rounds: played,
      kills,
      records: load.written,
      tenants: all.length,
      restoresCompleted,
      snapshotsCompared: compared.size,
      verified,
      objects: ledger.seen,
      changed: ledger.changed,
      wrong,
    };
  } finally {
    await Promise.all([services.kill('archiver'), services.kill('snapshotter')]);
    await load.stop();
    await truth.stop();
    await surroundings.stop();
  }
}
