import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, defineSchema, field, nodeType } from '@entdb/client';
import type { BrokerCount } from '@entdb/deploy/kafka';
import { tenantFacts, type TenantFacts } from '@entdb/tenant-store';
import { eventually } from '../parts/eventually.ts';
import { watchGuard, type GuardReport } from './guard.ts';
import { openSurroundings, type Surroundings } from './surroundings.ts';

export interface RetentionOptions {
  readonly brokers: BrokerCount;
  readonly tenants: number;
  /** Transactions of each tenant before and after the log loses its head. */
  readonly writes: number;
  /** The log's own, while the guard is watched. */
  readonly retentionMs: number;
  /** For so long records are written while the log forgets all that is older than some seconds. */
  readonly forgetfulMs: number;
  readonly aside: (line: string) => void;
}

/** The log and the archive at a moment; offsets summed over the partitions. */
export interface Moment {
  readonly moment: string;
  readonly 'log begins at': number;
  readonly 'log ends at': number;
  readonly 'archived up to': number;
}

export interface RetentionReport {
  readonly guard: GuardReport;
  readonly moments: readonly Moment[];
  /** The first offset of each partition when things were restored. */
  readonly logStarts: readonly number[];
  readonly tenants: readonly TenantReport[];
  /** Verifying everything by trial restores: its exit code, and what it said. */
  readonly verified: { readonly code: number | null; readonly said: string };
}

/** One tenant, by those who hold it. All have the facts of the applier that never lost its volume, or something is wrong. */
export interface TenantReport {
  readonly tenantId: string;
  readonly records: number;
  readonly kept: string;
  readonly restored: string;
  readonly bootstrapped: string;
  /** A restore of the first record of all: its sequence. */
  readonly firstReached: number;
}

const Note = nodeType('Note', 1, { text: field.str(1), number: field.int(2, { indexed: true }) });
const schema = defineSchema({ nodes: [Note], edges: [] });
const forgetfulRetentionMs = 20_000;
const shortRetentionMs = 1_000;
const longRetentionMs = 7 * 24 * 3_600_000;

/** Lets the log of a real fleet lose its head, and reaches the first record all the same. */
export async function runRetention(options: RetentionOptions): Promise<RetentionReport> {
  const { brokers, retentionMs, aside } = options;
  const surroundings = await openSurroundings({ brokers, retentionMs });
  const { fleet, alter, bounds } = surroundings;
  const tenantIds = Array.from({ length: options.tenants }, (_, i) => `tenant-${i}`);
  const moments: Moment[] = [];
  const note = async (moment: string) => {
    aside(moment);
    moments.push(await momentOf(surroundings, moment));
  };
  await using client = createClient({ endpoint: fleet.endpoint, schema, timeoutMs: 120_000 });
  let number = 0;
  const write = async (count: number) => {
    for (let i = 0; i < count; i += 1)
      await Promise.all(
        tenantIds.map((tenantId) =>
          client.tenant(tenantId).atomic((plan) => {
            number += 1;
            plan.create(Note, { text: `note ${number} of ${tenantId}`, number });
          }),
        ),
      );
  };
  try {
    await write(options.writes);
    await archived(surroundings);
    await note('written and archived');

    const guard = await watchGuard(surroundings, () => write(1));
    await archived(surroundings);
    await note('the store was away, and came back');

    if (options.forgetfulMs > 0) {
      await alter({
        'retention.ms': String(forgetfulRetentionMs),
        'segment.ms': String(forgetfulRetentionMs / 4),
      });
      const until = Date.now() + options.forgetfulMs;
      while (Date.now() < until) {
        await write(options.writes);
        await note(`${Math.ceil((until - Date.now()) / 1000)} s left of a forgetful log`);
      }
      await archived(surroundings);
    }

    // Whatever is there has been archived, and nothing is written: so the log may forget all of it at once.
    await alter({ 'retention.ms': String(shortRetentionMs) });
    await eventually('the log loses its head', async () =>
      (await bounds()).every(({ startOffset, endOffset }) => startOffset === endOffset),
    );
    await alter({ 'retention.ms': String(longRetentionMs) });
    await note('the log has lost its head');
    await write(options.writes);
    await archived(surroundings);
    await note('written and archived after it');

    const bootstrapping = await loseVolume(surroundings);
    await bootstrapping.ready(180_000);
    aside('an applier without a volume is ready again');
    const tenants: TenantReport[] = [];
    for (const tenantId of tenantIds)
      tenants.push(await compare(surroundings, tenantId, await latest(tenantId)));
    const verified = await surroundings.entdb(['verify', '--all', '--level', 'restore']);
    await note('restored, compared and verified');
    const logStarts = (await bounds()).map(({ startOffset }) => startOffset);
    return { guard, moments, logStarts, tenants, verified };
  } finally {
    await surroundings.stop();
  }

  /** Where the applier that kept its volume stands, when it has applied everything. */
  async function latest(tenantId: string): Promise<TenantFacts> {
    const position = client.tenant(tenantId).position;
    return eventually(`${tenantId} at the end of its log`, async () => {
      const facts = surroundings.factsOf(fleet.appliers[0]!, tenantId);
      return facts.position.offset === position?.offset && facts;
    });
  }
}

/** Takes the second applier's volume away, and starts it on nothing. */
async function loseVolume({ fleet }: Surroundings) {
  const applier = fleet.appliers[1]!;
  await applier.stop();
  rmSync(fleet.storeDir(applier), { recursive: true });
  applier.start();
  return applier;
}

/** Every record of the log is in the archive. */
async function archived({ bounds, marks }: Surroundings): Promise<void> {
  await eventually('everything is archived', async () => {
    const [ends, done] = [await bounds(), await marks()];
    return ends.every(({ endOffset }, partition) => done[partition]! >= endOffset);
  });
}

async function compare(
  { fleet, factsOf, entdb, dir }: Surroundings,
  tenantId: string,
  kept: TenantFacts,
): Promise<TenantReport> {
  const restore = async (folder: string, target: readonly string[]): Promise<TenantFacts> => {
    const output = join(dir, folder);
    const flags = ['--tenant-id', tenantId, '--from-scratch', '--output-dir', output];
    const { code, said } = await entdb(['restore', ...flags, ...target]);
    if (code !== 0) throw new Error(`a restore of ${tenantId} ended with ${code}: ${said}`);
    return tenantFacts(join(output, tenantId), tenantId);
  };
  const restored = await restore('restored', ['--latest']);
  const first = await restore('first', ['--target-sequence', '1']);
  const bootstrapped = await eventually(`${tenantId} on the new volume`, async () => {
    const facts = factsOf(fleet.appliers[1]!, tenantId);
    return facts.position.offset === kept.position.offset && facts;
  });
  return {
    tenantId,
    records: kept.position.sequence,
    kept: wordsOf(kept),
    restored: wordsOf(restored),
    bootstrapped: wordsOf(bootstrapped),
    firstReached: first.position.sequence,
  };
}

const wordsOf = ({ position, digests }: TenantFacts) =>
  `record ${position.sequence} at ${position.offset}, ${digests.canonical} ${digests.mailbox}`;

async function momentOf({ bounds, marks }: Surroundings, moment: string): Promise<Moment> {
  const [ends, done] = [await bounds(), await marks()];
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  return {
    moment,
    'log begins at': sum(ends.map(({ startOffset }) => startOffset)),
    'log ends at': sum(ends.map(({ endOffset }) => endOffset)),
    'archived up to': sum(done),
  };
}
