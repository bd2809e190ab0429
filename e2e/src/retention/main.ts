import { parseArgs } from 'node:util';
import { assertNodeVersion } from '@entdb/base';
import { tableText } from '../parts/table.ts';
import { runRetention } from './run.ts';

/** `make retention`: a log that forgets under a fleet that must not. Exits with 1 for anything that was lost. */
assertNodeVersion();

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: '3' },
    tenants: { type: 'string', default: '5' },
    writes: { type: 'string', default: '40' },
    /** While the store is away: half of it passes before there is a warning. */
    'retention-seconds': { type: 'string', default: '60' },
    /** Of writing to a log that keeps twenty seconds. */
    'forgetful-seconds': { type: 'string', default: '60' },
  },
});

const say = (line: string) => process.stdout.write(`${line}\n`);
const report = await runRetention({
  brokers: values.brokers === '1' ? 1 : 3,
  tenants: Number(values.tenants),
  writes: Number(values.writes),
  retentionMs: Number(values['retention-seconds']) * 1000,
  forgetfulMs: Number(values['forgetful-seconds']) * 1000,
  aside: (line) => process.stderr.write(`${line}\n`),
});
say(tableText(report.moments.map((moment) => ({ ...moment }))));
const { ratios, health, lost, stoppedTenants } = report.guard;
say(
  `\nunarchived age, as a share of the retention: ${ratios.map((one) => one.toFixed(2)).join(', ')}`,
);
say(`warning: ${health.status}: ${health.s3}`);
say(`lost by then ${lost}, tenants stopped ${stoppedTenants}\n`);
say(
  tableText(
    report.tenants.map(({ tenantId, records, kept, restored, bootstrapped, firstReached }) => ({
      tenant: tenantId,
      records,
      'first reached': firstReached,
      restored: restored === kept ? 'same' : 'OTHER',
      bootstrapped: bootstrapped === kept ? 'same' : 'OTHER',
    })),
  ),
);
say(`verify by restore: exit code ${report.verified.code}`);
const isRight =
  lost === 0 &&
  stoppedTenants === 0 &&
  report.verified.code === 0 &&
  Math.min(...report.logStarts) > 0 &&
  report.tenants.every(
    ({ kept, restored, bootstrapped, firstReached }) =>
      restored === kept && bootstrapped === kept && firstReached === 1,
  );
say(isRight ? 'nothing was lost' : 'SOMETHING IS WRONG');
process.exitCode = isRight ? 0 : 1;
