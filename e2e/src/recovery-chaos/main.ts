import { parseArgs } from 'node:util';
import { assertNodeVersion } from '@entdb/base';
import { tableText } from '../parts/table.ts';
import { runRecoveryChaos } from './run.ts';
import { steps } from './steps.ts';

/** `make recovery-chaos`: kills archiver, snapshotter and restore, and compares. Exits with 1 for anything that is not as it must be. */
assertNodeVersion();

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Begins no round after so many minutes. */
    minutes: { type: 'string' },
    /** On an S3 server instead of a directory. */
    s3: { type: 'boolean', default: false },
    /** On three Kafka brokers instead of the embedded log. */
    kafka: { type: 'boolean', default: false },
  },
});

const say = (line: string) => process.stdout.write(`${line}\n`);
const started = performance.now();
const seconds = () => ((performance.now() - started) / 1000).toFixed(0);
const seed = Number(values.seed);
const log = values.kafka ? 'Kafka' : 'the embedded log';
const store = values.s3 ? 'S3 (versitygw)' : 'a directory';
say(`${values.rounds} rounds on ${log} and ${store}, seed ${seed}`);
const report = await runRecoveryChaos({
  rounds: Number(values.rounds),
  seed,
  s3: values.s3,
  kafka: values.kafka,
  ...(values.minutes !== undefined && { minutesMax: Number(values.minutes) }),
  aside: (line) => process.stderr.write(`${seconds()} s: ${line}\n`),
});
const names = [
  ...steps.map(({ victim, name }) => `${victim}: ${name}`),
  ...['archiver', 'snapshotter', 'restore'].map((victim) => `${victim}: at a random moment`),
  'restore: after its end',
];
const rows = names.map((step) => ({ 'killed at': step, kills: report.kills.get(step) ?? 0 }));
say(tableText(rows));
for (const problem of report.wrong.slice(0, 20)) say(`WRONG: ${problem}`);
for (const problem of report.changed.slice(0, 20)) say(`WRONG: ${problem}`);
const reached = steps.filter(({ victim, name }) => report.kills.has(`${victim}: ${name}`)).length;
const kills = [...report.kills].filter(([name]) => name !== 'restore: after its end');
say(
  `rounds ${report.rounds}, kills ${kills.reduce((sum, [, count]) => sum + count, 0)}, at ${reached} of ${steps.length} named steps and at random moments`,
);
say(
  `${report.records} records of ${report.tenants} tenants; restores completed ${report.restoresCompleted}, snapshots compared ${report.snapshotsCompared}, verified ${report.verified} times`,
);
say(`took ${seconds()} s`);
say(
  `objects ${report.objects}, overwritten or removed ${report.changed.length}, mismatches ${report.wrong.length}`,
);
process.exitCode = report.wrong.length + report.changed.length === 0 && reached > 0 ? 0 : 1;
