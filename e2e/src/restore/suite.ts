import { runEveryOffset } from './run.ts';

const seed = Number(process.env['ENTDB_TEST_SEED'] ?? Date.now() % 1_000_000);

/** The run of `make every-offset`, short. */
export function describeEveryOffset({
  s3,
  records,
}: {
  readonly s3: boolean;
  readonly records: number;
}): void {
  it(`restores all operations to every offset and to random times (seed ${seed})`, async () => {
    const times = 40;
    const { log, rows, differences } = await runEveryOffset({
      records,
      times,
      seed,
      s3,
      workers: 2,
      oneOf: 1,
      aside: () => {},
    });
    expect(differences).toEqual([]);
    const sum = (of: (row: (typeof rows)[number]) => number) =>
      rows.reduce((total, row) => total + of(row), 0);
    const made = records * 2 + records / 4 + times;
    expect(sum(({ restores }) => restores)).toBe(made);
    expect(sum(({ equal, beforeFirst }) => equal + beforeFirst)).toBe(made);
    expect(sum(({ fromSnapshot }) => fromSnapshot)).toBeGreaterThan(0);
    expect(sum(({ withLogTail }) => withLogTail)).toBeGreaterThan(0);
    expect(log).toMatchObject({ records, deletions: 2, snapshots: 4, onLogOnly: 1 });
    expect(log.restoresInPlace).toBeGreaterThan(2);
    expect(log.equalStamps).toBeGreaterThan(0);
    expect(log.applied).toBeGreaterThan(log.rejected);
  }, 600_000);
}
