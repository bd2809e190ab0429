/** Method: the run of `make chaos-kafka`, short: three brokers of the test's own, which are killed and frozen, too. */
import { runChaos } from './run.ts';

const seed = Number(process.env['ENTDB_TEST_SEED'] ?? Date.now() % 1_000_000);

describe('services and brokers that are killed under load', () => {
  it(`lose nothing and do nothing twice (seed ${seed})`, async () => {
    const report = await runChaos({ kafka: true, rounds: 3, seed, tenants: 3, aside: () => {} });
    expect(report.discrepancies).toEqual([]);
    expect(report).toMatchObject({ found: report.acknowledged, lost: 0, duplicated: 0 });
    expect(report.acknowledged).toBeGreaterThan(3 * 5);
  }, 600_000);
});
