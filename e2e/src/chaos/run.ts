/** Rounds of harm under load, and then the count. */
import { setTimeout as delay } from 'node:timers/promises';
import { startTestFleet } from '../parts/fleet.ts';
import { eventually } from '../parts/eventually.ts';
import { untilCaughtUp } from '../parts/quiet.ts';
import { seeded } from '../parts/seeded.ts';
import { harmsOf } from './harm.ts';
import { createLedger } from './ledger.ts';
import { startLoad } from './load.ts';
import { verify, type Findings } from './verify.ts';
import { createWiretap } from './wiretap.ts';

export interface ChaosOptions {
  readonly kafka: boolean;
  readonly rounds: number;
  readonly seed: number;
  readonly tenants?: number;
  readonly writersPerTenant?: number;
  readonly aside: (line: string) => void;
}

export interface ChaosReport extends Findings {
  /** How often each harm was done. */
  readonly harms: ReadonlyMap<string, number>;
  /** Rounds in which two were done at once. */
  readonly atOnce: number;
  /** Where the data is, kept because something is wrong with it. */
  readonly kept: string | undefined;
}

/** Of 100 rounds so many harm two at once, and so many do not wait until the fleet answers again. */
const twoPercent = 15;
const restlessPercent = 20;
const calmMs = [50, 450] as const;
/** A round begins when so many writes were acknowledged since the one before. */
const acknowledgedBetween = 10;
const reportEvery = 10;
/** The load is steady rather than heavy: every key of it is checked several times in the end. */
const gateways = 2;

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { kafka, rounds, seed, aside, tenants: tenantCount = 4, writersPerTenant = 3 } = options;
  const rng = seeded(seed);
  const tenants = Array.from({ length: tenantCount }, (_, i) => `chaos-${i}`);
  await using test = await startTestFleet({ kafka, gateways, appliers: 1 });
  const { fleet } = test;
  const ledger = createLedger();
  const wiretap = createWiretap();
  const endpoints = fleet.gateways.map(({ address }) => address);
  const load = await startLoad({
    endpoints,
    tenants,
    writersPerTenant,
    rng: seeded(seed + 1),
    ledger,
    wiretap,
  });

  const harms = harmsOf(test);
  const done = new Map<string, number>();
  let atOnce = 0;
  try {
    for (let round = 1; round <= rounds; round += 1) {
      const before = ledger.acknowledged;
      if (rng.between(0, 100) >= restlessPercent)
        await eventually(
          'writes are acknowledged again',
          async () => ledger.acknowledged >= before + acknowledgedBetween,
        );
      await delay(rng.between(...calmMs));
      const first = rng.pick(harms);
      const chosen = [first];
      if (rng.between(0, 100) < twoPercent) {
        // Two brokers of three at once are more than the log promises to withstand.
        const others = harms.filter(
          ({ kind }) => kind !== first.kind && !(isBroker(kind) && isBroker(first.kind)),
        );
        chosen.push(rng.pick(others));
        atOnce += 1;
      }
      for (const { kind } of chosen) done.set(kind, (done.get(kind) ?? 0) + 1);
      await Promise.all(chosen.map(({ run }) => run(rng)));
      if (round % reportEvery === 0)
        aside(`round ${round} of ${rounds}: ${ledger.acknowledged} acknowledged`);
    }
  } finally {
    await load.stop();
  }

  await fleet.ready();
  const servers = fleet.gateways.map((_, i) => test.gateway(i));
  await untilCaughtUp(test.gateway(), fleet.appliers.length);
  aside('caught up; counting');
  const findings = await verify({
    gateways: servers,
    appliers: fleet.appliers.map((_, i) => test.applier(i)),
    tenants,
    ledger,
    wiretap,
  });
  if (findings.discrepancies.length > 0) test.keep();
  return {
    ...findings,
    harms: done,
    atOnce,
    kept: findings.discrepancies.length > 0 ? test.dir : undefined,
  };
}

const isBroker = (kind: string): boolean => kind.startsWith('broker');
