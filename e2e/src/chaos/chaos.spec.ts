/** Method: the run of `make chaos`, short, with a seed that is printed by the name of the test. */
import { runChaos } from './run.ts';

const seed = Number(process.env['ENTDB_TEST_SEED'] ?? Date.now() % 1_000_000);

describe('services that are killed under load', () => {
  it(`lose nothing and do nothing twice (seed ${seed})`, async () => {
    const report = await runChaos({
      kafka: false,
      rounds: 8,
      seed,
      tenants: 3,
      aside: () => {},
    });
    expect(report.discrepancies).toEqual([]);
    expect(report).toMatchObject({ found: report.acknowledged, lost: 0, duplicated: 0 });
    expect(report.acknowledged).toBeGreaterThan(8 * 5);
    expect(report.nodes).toBeGreaterThan(0);
    expect([...report.harms.values()].reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(8);
  }, 300_000);
});
