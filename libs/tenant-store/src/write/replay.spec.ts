import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import type { PlacedRecord } from '../store.ts';
import { recordAt } from './testing/log.ts';
import { histories } from './testing/histories.ts';
import { createTenantDir, dump, type TenantDir } from './testing/tenant-dir.ts';

/**
 * P4: state, digests and verdicts are a function of the log alone. Each history is applied in one batch, and again in random batches, with reopened files,
 * with replayed records, and with one file older than the other: everything that counts must come out the same, row for row. (#44 #48)
 */
const runs = Number(process.env['ENTDB_PROPERTY_RUNS'] ?? 60);

function materialise(
  tenant: TenantDir,
  batches: Iterable<readonly PlacedRecord[]>,
  reopen = false,
): readonly string[] {
  let writer = tenant.open();
  const outcomes: string[] = [];
  for (const batch of batches) {
    const { outcomes: some, poison } = writer.apply(batch);
    if (poison) throw poison.error;
    for (const outcome of some)
      outcomes[outcome.offset] ??=
        outcome.kind === 'refused' ? `refused ${outcome.error.code}` : outcome.resultJson;
    if (!reopen) continue;
    writer.close();
    writer = tenant.open({ create: false });
  }
  writer.scrub();
  writer.close();
  return outcomes;
}

function* split(
  log: readonly PlacedRecord[],
  sizes: readonly number[],
): Iterable<readonly PlacedRecord[]> {
  for (let from = 0, i = 0; from < log.length; i++) {
    const size = sizes[i % sizes.length]!;
    yield log.slice(from, from + size);
    from += size;
  }
}

function withTenants<T>(count: number, body: (tenants: readonly TenantDir[]) => T): T {
  const tenants = Array.from({ length: count }, createTenantDir);
  try {
    return body(tenants);
  } finally {
    tenants.forEach((tenant) => tenant.remove());
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });
const logOf = (history: Parameters<typeof recordAt>[1][]) =>
  history.map((parts, offset) => recordAt(offset, parts));

test('the batches and the reopening between them leave no trace', () => {
  fc.assert(
    fc.property(histories, sizes, fc.boolean(), (history, some, reopen) =>
      withTenants(2, ([whole, parts]) => {
        const log = logOf([...history]);
        const verdicts = materialise(whole!, [log]);
        expect(materialise(parts!, split(log, some), reopen)).toEqual(verdicts);
        expect(dump(parts!)).toEqual(dump(whole!));
      }),
    ),
    { numRuns: runs },
  );
});

test('replaying any suffix changes nothing and tells the same verdicts', () => {
  fc.assert(
    fc.property(histories, fc.nat(), (history, cut) =>
      withTenants(1, ([tenant]) => {
        const log = logOf([...history]);
        materialise(tenant!, [log]);
        const before = dump(tenant!);
        materialise(tenant!, [log.slice(cut % log.length)]);
        expect(dump(tenant!)).toEqual(before);
      }),
    ),
    { numRuns: runs },
  );
});

test('a file that lost its tail, either one, catches up to the same', () => {
  fc.assert(
    fc.property(
      histories,
      fc.nat(),
      fc.constantFrom('canonical.db', 'mailbox.db'),
      sizes,
      (history, cut, older, some) =>
        withTenants(2, ([tenant, past]) => {
          const log = logOf([...history]);
          const kept = cut % log.length;
          materialise(past!, [log.slice(0, kept)]);
          materialise(tenant!, [log]);
          const whole = dump(tenant!);
          rmSync(join(tenant!.dir, older));
          cpSync(join(past!.dir, older), join(tenant!.dir, older));
          const writer = tenant!.open({ create: false });
          expect(writer.position.offset).toBe(kept - 1);
          writer.close();
          materialise(tenant!, split(log.slice(kept), some));
          expect(dump(tenant!)).toEqual(whole);
        }),
    ),
    { numRuns: runs },
  );
});
