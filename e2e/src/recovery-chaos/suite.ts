import { runRecoveryChaos } from './run.ts';

const seed = Number(process.env['ENTDB_TEST_SEED'] ?? Date.now() % 1_000_000);

/** The run of `make recovery-chaos`, short. */
export function describeRecoveryChaos({
  s3,
  rounds,
}: {
  readonly s3: boolean;
  readonly rounds: number;
}): void {
  it(`archiver, snapshotter and restore that are killed leave everything whole (seed ${seed})`, async () => {
    const report = await runRecoveryChaos({ rounds, seed, s3, kafka: false, aside: () => {} });
    expect({ wrong: report.wrong, changed: report.changed }).toEqual({ wrong: [], changed: [] });
    const kills = [...report.kills.values()].reduce((sum, count) => sum + count, 0);
    expect(kills).toBeGreaterThanOrEqual(rounds);
    expect(report.kills.size).toBeGreaterThan(rounds / 2);
    expect(report.objects).toBeGreaterThan(rounds);
    expect(report.snapshotsCompared).toBeGreaterThan(3);
    expect(report.verified).toBe(3 * rounds + report.tenants);
  }, 900_000);
}
