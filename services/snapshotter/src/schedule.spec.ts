import * as fc from 'fast-check';
import { nextJob, overdue, retentionEveryMs, type Candidate, type Rules } from './schedule.ts';

const rules: Rules = { intervalMs: 1_000, recordsMax: 100 };
const now = 10_000;

const quiet: Candidate = {
  tenantId: 'a',
  waiting: undefined,
  busy: false,
  notBeforeMs: 0,
  retentionAtMs: undefined,
};
const waits = (tenantId: string, records: number, sinceMs: number): Candidate => ({
  ...quiet,
  tenantId,
  waiting: { records, sinceMs },
});
const cleans = (tenantId: string, retentionAtMs: number): Candidate => ({
  ...quiet,
  tenantId,
  retentionAtMs,
});

it.each<[string, readonly Candidate[], string | undefined]>([
  ['nobody', [], undefined],
  ['a tenant whose snapshot has everything', [quiet], undefined],
  ['a record that is young', [waits('a', 1, now - 999)], undefined],
  ['a record that is old enough', [waits('a', 1, now - 1_000)], 'snapshot a'],
  ['young records, one too few', [waits('a', 99, now)], undefined],
  ['young records, many', [waits('a', 100, now)], 'snapshot a'],
  ['a record from the future', [waits('a', 1, now + 5_000)], undefined],
  ['the older of two', [waits('a', 1, 8_000), waits('b', 1, 7_000)], 'snapshot b'],
  ['many records against an old one', [waits('a', 500, now), waits('b', 1, 6_000)], 'snapshot a'],
  ['one at work', [{ ...waits('a', 1, 0), busy: true }, waits('b', 1, 9_000)], 'snapshot b'],
  ['one that failed', [{ ...waits('a', 1, 0), notBeforeMs: now + 1 }], undefined],
  ['one that failed long ago', [{ ...waits('a', 1, 0), notBeforeMs: now }], 'snapshot a'],
  ['retention that is due', [cleans('a', now), cleans('b', now - 1)], 'retention b'],
  ['retention to come', [cleans('a', now + 1)], undefined],
  ['retention after snapshots', [cleans('a', 0), waits('b', 100, now)], 'snapshot b'],
  [
    'retention that is late by more days than a snapshot by its intervals',
    [cleans('a', now - 2 * retentionEveryMs), waits('b', 199, now)],
    'retention a',
  ],
  [
    'retention that is late by fewer',
    [cleans('a', now - 2 * retentionEveryMs), waits('b', 201, now)],
    'snapshot b',
  ],
  ['retention of one that failed', [{ ...cleans('a', 0), notBeforeMs: now + 1 }], undefined],
])('%s', (_, candidates, expected) => {
  const job = nextJob(candidates, rules, now);
  expect(job && `${job.kind} ${job.tenantId}`).toBe(expected);
});

const candidate = fc.record({
  waiting: fc.option(
    fc.record({ records: fc.nat(300), sinceMs: fc.integer({ min: 0, max: 2 * now }) }),
    { nil: undefined },
  ),
  busy: fc.boolean(),
  notBeforeMs: fc.nat(2 * now),
  retentionAtMs: fc.option(fc.nat(2 * now), { nil: undefined }),
});
const crowd = fc
  .array(candidate, { maxLength: 30 })
  .map((all) => all.map((one, i): Candidate => ({ ...one, tenantId: `t${i}` })));

it('takes nobody who may wait, and nobody before one who has waited longer', () => {
  fc.assert(
    fc.property(crowd, (all) => {
      const free = all.filter(({ busy, notBeforeMs }) => !busy && notBeforeMs <= now);
      const by = (one: Candidate) => overdue(one.waiting, rules, now);
      const most = Math.max(0, ...free.map(by));
      const job = nextJob(all, rules, now);
      const taken = free.find(({ tenantId }) => tenantId === job?.tenantId);
      if (most >= 1) {
        expect(job?.kind).toBe('snapshot');
        expect(taken && by(taken)).toBe(most);
        return;
      }
      const dates = free.flatMap(({ retentionAtMs }) => retentionAtMs ?? []);
      const first = Math.min(Infinity, ...dates);
      expect(job?.kind).toBe(first <= now ? 'retention' : undefined);
      if (job) expect(taken?.retentionAtMs).toBe(first);
    }),
  );
});

/**
 * Method: time moves on by the length of each snapshot, records keep coming for all, and some tenants fail every time. Those that do not fail are served again and
 * again as long as the capacity is there.
 */
it('lets no tenant starve, whoever fails and however much the others write', () => {
  const shape = fc.record({
    rates: fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 2, maxLength: 12 }),
    failing: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
  });
  fc.assert(
    fc.property(shape, ({ rates, failing }) => {
      const stepMs = 100;
      const tenants = rates.map((_, i) => ({ id: `t${i}`, sinceMs: 0, notBeforeMs: 0, served: 0 }));
      let longestMs = 0;
      for (let at = 0; at < 60_000; at += stepMs) {
        const all = tenants.map(({ id, sinceMs, notBeforeMs }, i): Candidate => ({
          ...quiet,
          tenantId: id,
          notBeforeMs,
          waiting: { records: Math.ceil(((at - sinceMs) / 1_000) * rates[i]!), sinceMs },
        }));
        const job = nextJob(all, rules, at);
        const index = tenants.findIndex(({ id }) => id === job?.tenantId);
        const tenant = tenants[index];
        if (!tenant) continue;
        if (failing[index]) {
          tenant.notBeforeMs = at + 5_000;
          continue;
        }
        longestMs = Math.max(longestMs, at - tenant.sinceMs);
        tenant.sinceMs = at;
        tenant.served += 1;
      }
      tenants.forEach(({ served }, i) => expect(failing[i] || served > 0).toBe(true));
      // Its own interval, one turn of everybody at each of the rates, and the turns that the failing ones waste.
      expect(longestMs).toBeLessThanOrEqual(rules.intervalMs + stepMs * 12 * 6);
    }),
  );
});
