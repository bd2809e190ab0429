import { runDamage } from './run.ts';

const seed = Number(process.env['ENTDB_TEST_SEED'] ?? Date.now() % 1_000_000);

/** The run of `make damage`, with one change in many, and all changes of a segment that stands alone. */
export function describeDamage({
  s3,
  oneOf,
}: {
  readonly s3: boolean;
  readonly oneOf: number;
}): void {
  it(`restore and verify detect changed bytes of every kind of object (seed ${seed})`, async () => {
    const report = await runDamage({ seed, s3, workers: 2, oneOf, aside: () => {} });
    expect(report.undetected).toEqual([]);
    expect(report.rows.map(({ object }) => object).toSorted()).toEqual([
      'checksum',
      'erasure',
      'segment',
      'snapshot: canonical.db',
      'snapshot: mailbox.db',
      'snapshot: manifest.json',
    ]);
    for (const { changes, byVerify, restores, byRestore } of report.rows) {
      expect([byVerify, byRestore]).toEqual([changes, restores]);
      expect(restores).toBeGreaterThan(0);
    }
    const { flips, detected, withoutMeaning } = report.alone;
    const { header, padding, otherCopy } = withoutMeaning;
    expect(detected + header + padding + otherCopy).toBe(flips);
    expect(header).toBe(1 + 8 * 6);
    expect(detected / flips).toBeGreaterThan(0.95);
  }, 600_000);
}
