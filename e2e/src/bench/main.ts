import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { assertNodeVersion } from '@entdb/base';
import { applyContest } from './apply.ts';
import { hold, type Contest, type Standing } from './contest.ts';
import { startBenchFleet, type BenchFleet } from './fleets.ts';
import { readContests } from './reads.ts';
import { loadNow, machine, tableOf } from './report.ts';
import { settled, writeContests } from './writes.ts';

/** `make bench`: writes, reads and apply, each beside the raw limit that was measured in the same run. */
assertNodeVersion();

const parts = ['apply', 'reads', 'writes'] as const;
const { values } = parseArgs({
  options: {
    /** On three Kafka brokers of its own instead of the embedded log. */
    kafka: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    /** Some of apply, reads, writes, with commas between. */
    only: { type: 'string', default: parts.join(',') },
    /** Where all that was measured goes, as JSON. */
    json: { type: 'string', default: '.entdb/bench.json' },
  },
});
const wanted = values.only.split(',');
const stranger = wanted.find((part) => !parts.some((known) => known === part));
if (stranger !== undefined) throw new Error(`--only ${stranger}: it is one of ${parts.join(', ')}`);

const say = (line: string) => process.stdout.write(`${line}\n`);
const aside = (line: string) => process.stderr.write(`${line}\n`);
const options = { rounds: Number(values.rounds), seconds: Number(values.seconds), aside };
const loadBefore = loadNow();
const contests: Contest[] = [];
const standings: Standing[] = [];
const compete = async (contest: Contest) => {
  contests.push(contest);
  standings.push(...(await hold(contest, options)));
};

const dir = mkdtempSync(join(tmpdir(), 'entdb-bench-'));
try {
  if (wanted.includes('apply'))
    for (const kind of ['untyped', 'typed'] as const) await compete(applyContest(dir, kind));
  if (wanted.includes('reads') || wanted.includes('writes')) {
    await using bench = await startBenchFleet(dir, values.kafka);
    if (wanted.includes('reads')) await competeInReads(bench);
    if (wanted.includes('writes')) await competeInWrites(bench);
  }
} finally {
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}

async function competeInReads({ fleet }: BenchFleet): Promise<void> {
  const reads = await readContests(fleet);
  try {
    for (const contest of reads.contests) await compete(contest);
  } finally {
    await reads.close();
  }
}

async function competeInWrites(bench: BenchFleet): Promise<void> {
  const { fleet } = bench;
  const writes = await writeContests(bench);
  try {
    for (const applier of fleet.appliers) await applier.stop();
    await compete(writes.durable);
    for (const applier of fleet.appliers) applier.start();
    await fleet.ready();
    await settled(fleet.endpoint);
    await compete(writes.applied);
  } finally {
    await writes.close();
  }
}

const where = machine(loadBefore);
say(
  `${values.kafka ? 'three Kafka brokers' : 'embedded log'}; ${where.cores} cores, Node ${where.node}, medians of ${options.rounds} rounds in turns`,
);
say(`load average ${where.load.map((load) => load.toFixed(1)).join(' before, ')} after\n`);
say(tableOf(contests, standings));
mkdirSync(dirname(values.json), { recursive: true });
writeFileSync(
  values.json,
  `${JSON.stringify({ machine: where, kafka: values.kafka, standings }, undefined, 2)}\n`,
);
