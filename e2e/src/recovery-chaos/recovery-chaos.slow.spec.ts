/** Method: the run of `make recovery-chaos`, short, with a seed that is printed by the name of the test. */
import { runRecoveryChaos } from './run.ts';

const seed = Number(process.env['ENTDB_TEST_SEED'] ?? Date.now() % 1_000_000);

it(`archiver, snapshotter and restore that are killed leave everything whole (seed ${seed})`, async () => {
  const rounds = 15;
  const report = await runRecoveryChaos({ rounds, seed, s3: false, kafka: false, aside: () => {} });
  expect({ wrong: report.wrong, changed: report.changed }).toEqual({ wrong: [], changed: [] });
  const kills = [...report.kills.values()].reduce((sum, count) => sum + count, 0);
  expect(kills).toBeGreaterThanOrEqual(rounds);
  expect(report.kills.size).toBeGreaterThan(8);
  expect(report.objects).toBeGreaterThan(rounds);
  expect(report.snapshotsCompared).toBeGreaterThan(3);
  expect(report.verified).toBe(3 * rounds + 3);
}, 600_000);
