/** Rounds of harm under load, and then the count. */
import { setTimeout as delay } from 'node:timers/promises';
import { startTestFleet } from '../parts/fleet.ts';
import { eventually } from '../parts/eventually.ts';
import { untilCaughtUp } from '../parts/quiet.ts';
import { seeded } from '../parts/seeded.ts';
import { harmsOf, volumeHarmsOf, type Harm } from './harm.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { startLoad } from './load.ts';
import { startReaders, type ReadCount } from './readers.ts';
import { verify, type Findings } from './verify.ts';
import { createWiretap } from './wiretap.ts';

export interface ChaosOptions {
  readonly kafka: boolean;
  readonly rounds: number;
  readonly seed: number;
  readonly tenants?: number;
  readonly writersPerTenant?: number;
  /** Takes volumes away from appliers, too, while readers check what they read. */
  readonly loseVolume?: boolean;
  readonly appliers?: number;
  readonly aside: (line: string) => void;
}

export interface ChaosReport extends Findings {
  /** How often each harm was done. */
  readonly harms: ReadonlyMap<string, number>;
  /** Rounds in which two were done at once. */
  readonly atOnce: number;
  /** With `loseVolume`. */
  readonly reads: ReadCount | undefined;
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
  const { kafka, seed, aside, loseVolume = false, appliers = 1 } = options;
  const tenants = Array.from({ length: options.tenants ?? 4 }, (_, i) => `chaos-${i}`);
  await using test = await startTestFleet({ kafka, gateways, appliers });
  const { fleet } = test;
  const ledger = createLedger();
  const wiretap = createWiretap();
  const readers = loseVolume ? startReaders(fleet.endpoint, seeded(seed + 2)) : undefined;
  const load = await startLoad({
    endpoints: fleet.gateways.map(({ address }) => address),
    tenants,
    writersPerTenant: options.writersPerTenant ?? 3,
    rng: seeded(seed + 1),
    ledger,
    wiretap,
    ...(readers && { onWritten: readers.written, onDelete: readers.deleting }),
  });
  const harms = loseVolume ? [...volumeHarmsOf(test), ...harmsOf(test)] : harmsOf(test);
  try {
    const done = await harmInRounds(harms, ledger, load.failed, options);
    await load.stop();
    await fleet.ready();
    await untilCaughtUp(test.gateway(), fleet.appliers.length);
    const reads = await readers?.stop();
    aside('caught up; counting');
    const findings = await verify({
      gateways: fleet.gateways.map((_, i) => test.gateway(i)),
      appliers: fleet.appliers.map((_, i) => test.applier(i)),
      tenants,
      ledger,
      wiretap,
    });
    const sound = findings.discrepancies.length + (reads?.wrong.length ?? 0) === 0;
    if (!sound) test.keep();
    return { ...findings, ...done, reads, kept: sound ? undefined : test.dir };
  } catch (error) {
    test.keep();
    aside(`the data is kept in ${test.dir}`);
    throw error;
  } finally {
    await Promise.allSettled([load.stop(), readers?.stop()]); // told above, where it went wrong
  }
}

type Done = Pick<ChaosReport, 'harms' | 'atOnce'>;

async function harmInRounds(
  harms: readonly Harm[],
  ledger: Ledger,
  signal: AbortSignal,
  { rounds, seed, aside }: ChaosOptions,
): Promise<Done> {
  const rng = seeded(seed);
  const done = new Map<string, number>();
  let atOnce = 0;
  for (let round = 1; round <= rounds; round += 1) {
    const before = ledger.acknowledged;
    if (rng.between(0, 100) >= restlessPercent)
      await eventually(
        'writes are acknowledged again',
        async () => ledger.acknowledged >= before + acknowledgedBetween,
        { signal },
      );
    await delay(rng.between(...calmMs));
    const first = rng.pick(harms);
    const chosen = [first];
    if (rng.between(0, 100) < twoPercent) {
      chosen.push(rng.pick(harms.filter((other) => other !== first && !bothBrokers(first, other))));
      atOnce += 1;
    }
    for (const { kind } of chosen) done.set(kind, (done.get(kind) ?? 0) + 1);
    await Promise.all(chosen.map(({ run }) => run(rng)));
    if (round % reportEvery === 0)
      aside(`round ${round} of ${rounds}: ${ledger.acknowledged} acknowledged`);
  }
  return { harms: done, atOnce };
}

/** Two brokers of three at once are more than the log promises to withstand; one cannot be killed twice. */
function bothBrokers(one: Harm, other: Harm): boolean {
  return [one, other].every(({ kind }) => kind.startsWith('broker'));
}
