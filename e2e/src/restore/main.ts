import { parseArgs } from 'node:util';
import { assertNodeVersion } from '@entdb/base';
import { tableText } from '../parts/table.ts';
import { runEveryOffset } from './run.ts';

/** `make every-offset`: restores to every offset of a history and to random times. Exits with 1 where one is not the prefix. */
assertNodeVersion();

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '2000' },
    times: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** On an S3 server instead of a directory. */
    s3: { type: 'boolean', default: false },
    /** Makes every n-th of the restores. */
    'one-of': { type: 'string', default: '1' },
    /** Begins no restore after so many minutes. */
    minutes: { type: 'string' },
    workers: { type: 'string', default: '2' },
  },
});

const say = (line: string) => process.stdout.write(`${line}\n`);
const started = performance.now();
const seed = Number(values.seed);
const { log, rows, differences } = await runEveryOffset({
  records: Number(values.records),
  times: Number(values.times),
  seed,
  s3: values.s3,
  oneOf: Number(values['one-of']),
  workers: Number(values.workers),
  ...(values.minutes !== undefined && { minutesMax: Number(values.minutes) }),
  aside: (line) =>
    process.stderr.write(`${((performance.now() - started) / 1000).toFixed(0)} s: ${line}\n`),
});
say(`seed ${seed}, on ${values.s3 ? 'S3 (versitygw)' : 'a directory'}`);
say(
  `${log.records} records: applied ${log.applied}, rejected ${log.rejected}, repeated ${log.repeated}, refused ${log.refused}; tenant deleted and made again ${log.deletions}, restored in place ${log.restoresInPlace}`,
);
say(
  `stamps equal to the one before ${log.equalStamps}, steps back ${log.stepsBack}; segments ${log.segments}, snapshots ${log.snapshots}, records on the log alone ${log.onLogOnly}`,
);
for (const difference of differences.slice(0, 20)) say(`DIFFERENT: ${difference}`);
say(tableText(rows.map((row) => ({ ...row }))));
say(`took ${((performance.now() - started) / 1000).toFixed(0)} s`);
const sum = (of: (row: (typeof rows)[number]) => number) =>
  rows.reduce((total, row) => total + of(row), 0);
say(
  `restores ${sum((row) => row.restores)}, equal by digests and rows ${sum((row) => row.equal)}, refused because nothing is before ${sum((row) => row.beforeFirst)}, different ${differences.length}`,
);
process.exitCode = differences.length === 0 && sum((row) => row.equal) > 0 ? 0 : 1;
