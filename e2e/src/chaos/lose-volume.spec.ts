/** Method: as chaos.spec.ts, and the applier's folder is deleted under it while readers with positions check every answer. */
import { runChaos } from './run.ts';

const seed = Number(process.env['ENTDB_TEST_SEED'] ?? Date.now() % 1_000_000);

describe('an applier whose volume is deleted under load', () => {
  it(`comes back from the log, and reads with a position are never wrong (seed ${seed})`, async () => {
    const report = await runChaos({
      kafka: false,
      rounds: 4,
      seed,
      tenants: 2,
      loseVolume: true,
      aside: () => {},
    });
    expect(report.reads?.wrong).toEqual([]);
    expect(report.reads?.right).toBeGreaterThan(0);
    expect(report.discrepancies).toEqual([]);
    expect(report).toMatchObject({ found: report.acknowledged, lost: 0, duplicated: 0 });
  }, 300_000);
});
