/** Method: a fleet of real processes, a broker and an S3 server. The log forgets what it had; whoever needs it has it from S3. */
import { runRetention, type RetentionReport } from './run.ts';

let report: RetentionReport;
beforeAll(async () => {
  report = await runRetention({
    brokers: 1,
    tenants: 3,
    writes: 10,
    retentionMs: 60_000,
    forgetfulMs: 0,
    aside: () => {},
  });
}, 600_000);

it('warns while the store is away, before the log has lost anything that is not archived', () => {
  const { ratios, health, lost, stoppedTenants } = report.guard;
  const [before, warned, after] = ratios;
  expect(before).toBeLessThan(0.5);
  expect(warned).toBeGreaterThanOrEqual(0.5);
  expect(after).toBeLessThan(0.5);
  expect(health).toMatchObject({
    status: 'degraded',
    s3: expect.stringMatching(
      /the oldest record that is not archived has reached \d+ % of the age/,
    ),
  });
  expect({ lost, stoppedTenants }).toEqual({ lost: 0, stoppedTenants: 0 });
});

it('reaches the first record after the log has lost its head', () => {
  expect(Math.min(...report.logStarts)).toBeGreaterThan(0);
  expect(report.tenants.map(({ firstReached }) => firstReached)).toEqual([1, 1, 1]);
  expect(report.verified).toMatchObject({ code: 0 });
});

it('has the same state in a restore, in an applier that lost its volume and in one that did not', () => {
  for (const { kept, restored, bootstrapped, records } of report.tenants) {
    expect(records).toBeGreaterThan(20);
    expect({ restored, bootstrapped }).toEqual({ restored: kept, bootstrapped: kept });
  }
});
