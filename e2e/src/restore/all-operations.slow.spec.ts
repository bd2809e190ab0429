/** Method: the run of `make every-offset`, short, with a seed that is printed by the name of the test. */
import { runEveryOffset } from './run.ts';

const seed = Number(process.env['ENTDB_TEST_SEED'] ?? Date.now() % 1_000_000);

it(`restores all operations to every offset and to random times (seed ${seed})`, async () => {
  const { log, rows, differences } = await runEveryOffset({
    records: 48,
    times: 40,
    seed,
    s3: false,
    workers: 2,
    oneOf: 1,
    aside: () => {},
  });
  expect(differences).toEqual([]);
  const sum = (of: (row: (typeof rows)[number]) => number) =>
    rows.reduce((total, row) => total + of(row), 0);
  const made = 48 * 2 + 48 / 4 + 40;
  expect(sum(({ restores }) => restores)).toBe(made);
  expect(sum(({ equal, beforeFirst }) => equal + beforeFirst)).toBe(made);
  expect(sum(({ fromSnapshot }) => fromSnapshot)).toBeGreaterThan(0);
  expect(sum(({ withLogTail }) => withLogTail)).toBeGreaterThan(0);
  expect(log).toMatchObject({
    records: 48,
    deletions: 2,
    restoresInPlace: 5,
    snapshots: 4,
    onLogOnly: 1,
  });
  expect(log.equalStamps).toBeGreaterThan(0);
  expect(log.applied).toBeGreaterThan(log.rejected);
}, 600_000);
