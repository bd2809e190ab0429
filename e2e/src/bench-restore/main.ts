import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { assertNodeVersion } from '@entdb/base';
import { hold, type Contest, type Standing } from '../bench/contest.ts';
import { loadNow, machine, tableOf } from '../bench/report.ts';
import { archiveContest, startArchiving } from './archiving.ts';
import { replayContest, snapshotContest, verifyContest, type ContestOptions } from './contests.ts';
import { describeMemory, measureMemory, type MemoryOf } from './memory.ts';
import { describeSmall, timeSmallTenant, type SmallTenant } from './small.ts';
import { openPlace, type Place } from './stores.ts';
import { archiveTenant, recordsFor } from './tenant.ts';

/** `make bench-restore`: restore, replay, verify and archiving, each beside the raw limit that was measured in the same run. */
assertNodeVersion();

const parts = ['snapshot', 'replay', 'verify', 'archive', 'small'] as const;
const { values } = parseArgs({
  options: {
    /** In a bucket of an S3 server of its own instead of a directory. */
    s3: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    /** About how large the tenant's files are, in MB. */
    size: { type: 'string', default: '100' },
    /** Instead of the size. */
    records: { type: 'string' },
    /** How large the small tenant is, in MB. */
    small: { type: 'string', default: '10' },
    /** Some of snapshot, replay, verify, archive, small, with commas between; empty for none. */
    only: { type: 'string', default: parts.join(',') },
    /** Sizes in MB, with commas between: how much memory each tool needs for them. */
    memory: { type: 'string', default: '' },
    /** Where all that was measured goes, as JSON. */
    json: { type: 'string', default: '.entdb/bench-restore.json' },
  },
});
const listed = (text: string): readonly string[] => text.split(',').filter((part) => part !== '');
const wanted = listed(values.only);
const stranger = wanted.find((part) => !parts.some((known) => known === part));
if (stranger !== undefined) throw new Error(`--only ${stranger}: it is one of ${parts.join(', ')}`);

const say = (line: string) => process.stdout.write(`${line}\n`);
const aside = (line: string) => process.stderr.write(`${line}\n`);
const rounds = Number(values.rounds);
const loadBefore = loadNow();
const contests: Contest[] = [];
const standings: Standing[] = [];
const compete = async (contest: Contest) => {
  contests.push(contest);
  standings.push(...(await hold(contest, { rounds, seconds: 0, aside })));
};
let small: SmallTenant | undefined;
const memory: MemoryOf[] = [];

const dir = mkdtempSync(join(tmpdir(), 'entdb-bench-restore-'));
const clean = () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    clean();
    process.exit(1);
  });
try {
  await using place = await openPlace(dir, values.s3 ? 's3' : 'directory');
  if (wanted.some((part) => part !== 'small')) await competeAll(place);
  if (wanted.includes('small')) small = await timeSmall(place);
  for (const size of listed(values.memory))
    memory.push(await measureMemory(place, dir, Number(size), aside));
} finally {
  clean();
}

async function competeAll(place: Place): Promise<void> {
  const records = Number(values.records ?? recordsFor(Number(values.size)));
  aside(`making a tenant of ${records} records`);
  const { store } = place;
  const tenant = await archiveTenant({ store, tenantId: 'bench', records, dir });
  const options: ContestOptions = { store, tenant, dir };
  if (wanted.includes('snapshot')) await compete(await snapshotContest(options));
  if (wanted.includes('replay')) await compete(await replayContest(options));
  if (wanted.includes('verify')) await compete(await verifyContest(options));
  if (!wanted.includes('archive')) return;
  await using archiving = await startArchiving(place);
  await compete(await archiveContest(options, archiving));
}

async function timeSmall(place: Place): Promise<SmallTenant> {
  const records = recordsFor(Number(values.small));
  const recordsSince = Math.floor(records / 10);
  const { store } = place;
  const tenant = await archiveTenant({ store, tenantId: 'small', records, recordsSince, dir });
  return timeSmallTenant({ store, tenant, dir }, place, rounds);
}

const where = machine(loadBefore);
say(
  `${values.s3 ? 'S3 (versitygw)' : 'a directory'}; ${where.cores} cores, Node ${where.node}, medians of ${rounds} rounds in turns`,
);
say(`load average ${where.load.map((load) => load.toFixed(1)).join(' before, ')} after\n`);
if (contests.length > 0) say(tableOf(contests, standings));
if (small) say(describeSmall(small));
if (memory.length > 0) say(describeMemory(memory));
mkdirSync(dirname(values.json), { recursive: true });
writeFileSync(
  values.json,
  `${JSON.stringify(
    {
      machine: where,
      s3: values.s3,
      standings,
      small,
      memory: memory.map(({ tools, ...size }) => ({ ...size, tools: Object.fromEntries(tools) })),
    },
    undefined,
    2,
  )}\n`,
);
