import * as fc from 'fast-check';
import { checksumNameOf, erasureName } from '@entdb/archive-format';
import { archiverGroup, walTopic, type MemoryWal, type Wal } from '@entdb/wal';
import { assertErasuresKnown, photograph, readArchive } from '../testing/archive.ts';
import {
  assertKept,
  createBench,
  deletionOf,
  partitions,
  runDoomed,
  steps,
  until,
  type Bench,
} from '../testing/harness.ts';

import { faultyStore } from '../testing/faulty-store.ts';
import type { Setting } from '../testing/worlds.ts';

const tenants = ['ann', 'bob', 'cyd', 'dan', 'eve'];

/** What an archiver promises, killed at any step and beside another, in any world. */
export function describeArchiving({ name: place, world, runs }: Setting): void {
  describe(`archiving ${place}`, () => {
    let bench: Bench<MemoryWal>;
    beforeEach(async () => {
      bench = await createBench(await world());
    });
    afterEach(() => bench.close());

    describe('the archiver', () => {
      it('archives every record of every tenant once, in order, and then moves the marks', async () => {
        await bench.append(tenants, 20, 50);
        const running = bench.start();
        await running.done();
        await bench.append(tenants.slice(0, 2), 7);
        await running.done();
        await bench.verify();
        const { checksums } = await readArchive(bench.store, 'ann');
        expect(checksums.length).toBeGreaterThan(2);
        expect(running.archiver.held).toBe(0);
        expect(await running.metrics()).toMatch(/archive_lag_events\{.*\} 0\n/);
        expect(running.lines).toEqual([]);
      });

      it('goes on where it was after a stop, without a word said twice', async () => {
        await bench.append(tenants, 5);
        const first = bench.start();
        await first.done();
        await first.stop();
        const before = await photograph(bench.store);
        await bench.append(tenants, 5);
        await bench.start().done();
        await bench.verify();
        await assertKept(bench.store, before);
      });

      it('needs no mark: what the store holds is passed over', async () => {
        await bench.append(tenants, 9);
        const first = bench.start();
        await first.done();
        await first.stop();
        for (let partition = 0; partition < partitions; partition += 1)
          await bench.wal.commit(archiverGroup, walTopic, partition, 0);
        const before = await photograph(bench.store);
        await bench.append(['ann'], 3);
        await bench.start().done();
        await bench.verify();
        await assertKept(bench.store, before);
      });

      it('never sets a mark back that another has set further on', async () => {
        await bench.append(tenants, 4);
        for (let partition = 0; partition < partitions; partition += 1)
          await bench.wal.commit(archiverGroup, walTopic, partition, 3);
        const seen: number[] = [];
        let asked = 0;
        const wal: Wal = {
          ...bench.wal,
          // At the start the other has not set it yet.
          committed: async (...mark) =>
            (asked += 1) <= partitions ? undefined : bench.wal.committed(...mark),
          commit: async (group, topic, partition, offset) => {
            seen.push(offset);
            await bench.wal.commit(group, topic, partition, offset);
          },
        };
        await bench.start({ wal }).done();
        expect(Math.min(...seen)).toBeGreaterThanOrEqual(3);
        await bench.verify();
      });

      it('forgets tenants and finds them again', async () => {
        const many = Array.from({ length: 30 }, (_, i) => `t${i}`);
        const running = bench.start({ tenantsMax: 3 });
        for (let round = 0; round < 3; round += 1) {
          await bench.append(many, 2);
          await running.done();
        }
        await bench.verify();
        await until(() => {
          const known = running.archiver.partitions.map((one) => [...one.tenants()].length);
          return known.every((count) => count <= 3);
        });
        expect(running.lines).toEqual([]);
      });
    });

    describe('a record that erases its tenant', () => {
      it('is named before the checksum of its segment, and a plain deletion is not', async () => {
        const order: string[] = [];
        const store = faultyStore(bench.store, ({ name, key }) => {
          if (name === 'create') order.push(key);
          return undefined;
        });
        await bench.append(['ann', 'bob'], 2);
        await bench.appendBytes('ann', deletionOf('ann', 'end', true));
        await bench.appendBytes('bob', deletionOf('bob', 'end', false));
        await bench.append(['ann'], 2);
        await bench.start({ store }).done();
        await bench.verify();
        const { checksums, erasures } = await readArchive(bench.store, 'ann');
        expect(erasures.map(({ sequence, epoch }) => [sequence, epoch])).toEqual([[3, null]]);
        const alone = checksums.find(({ firstSequence }) => firstSequence === 3)!;
        expect(alone.records).toBe(1);
        const { segment } = alone;
        const places = [segment, erasureName('ann', 3), checksumNameOf(segment)].map((key) =>
          order.indexOf(key),
        );
        expect(places).toEqual(places.toSorted((a, b) => a - b));
        expect(places[0]).toBeGreaterThanOrEqual(0);
        expect((await readArchive(bench.store, 'bob')).erasures).toEqual([]);
        expect(order.filter((key) => key.startsWith('erasures/'))).toEqual([erasureName('ann', 3)]);
      });

      it('of which something else is said stops the tenant, and its segment gets no checksum', async () => {
        await bench.store.create(erasureName('ann', 3), Buffer.from('{}'));
        await bench.append(['ann', 'bob'], 2);
        await bench.appendBytes('ann', deletionOf('ann', 'end', true));
        const limits = { segmentBytes: 1_000_000, ageMsMax: 60_000, idleMs: 30 };
        const running = bench.start({ limits });
        const verdictOf = (id: string) =>
          running.archiver.partitions
            .flatMap((partition) => [...partition.tenants()])
            .find(({ tenantId }) => tenantId === id)?.verdict;
        await until(() => verdictOf('ann') !== undefined);
        expect(verdictOf('ann')).toMatchObject({
          code: 'ARCHIVE_CONFLICT',
          facts: { tenantId: 'ann', metadata: { object: erasureName('ann', 3) } },
        });
        await until(async () => (await readArchive(bench.store, 'bob')).records.length === 2);
        const sealed: string[] = [];
        for await (const { key } of bench.store.list({ prefix: 'archive/ann/' }))
          if (key.endsWith('.checksum')) sealed.push(key);
        expect(sealed).toEqual([expect.stringMatching(/segment_0{19}1\.checksum$/)]);
      });

      it('is named for a segment, too, that another has left without a checksum', async () => {
        await bench.append(['ann'], 2);
        await bench.appendBytes('ann', deletionOf('ann', 'end', true));
        const limits = { segmentBytes: 1_000_000, ageMsMax: 60_000, idleMs: 30 };
        expect(
          await runDoomed(bench, 'after the segment, before anybody knows', 2, { limits }),
        ).toBe(true);
        expect(await bench.store.stat(erasureName('ann', 3))).toBeUndefined();
        await bench.append(['ann'], 1);
        await bench.start().done();
        await bench.verify();
        expect(await bench.store.stat(erasureName('ann', 3))).toBeDefined();
      });
    });

    describe('killed', () => {
      it.each(steps.flatMap((step) => [1, 2, 4].map((nth) => [step, nth] as const)))(
        '%s (time %d): another completes it, and overwrites nothing',
        async (step, nth) => {
          await bench.append(tenants, 3, 200);
          for (const tenantId of tenants)
            await bench.appendBytes(tenantId, deletionOf(tenantId, 'end', true));
          await bench.append(tenants, 2, 200);
          expect(await runDoomed(bench, step, nth)).toBe(true);
          await assertErasuresKnown(bench.store);
          const before = await photograph(bench.store);
          await bench.append(tenants, 2);
          await bench.start().done();
          await bench.verify();
          await assertKept(bench.store, before);
        },
      );

      it('again and again, at any step: every record is in the archive exactly once', async () => {
        const rounds = fc.array(
          fc.record({
            step: fc.constantFrom(...steps),
            nth: fc.integer({ min: 1, max: 6 }),
            records: fc.nat(4),
            segmentBytes: fc.constantFrom(1, 600, 2_000, 100_000),
          }),
          { minLength: 1, maxLength: 6 },
        );
        await fc.assert(
          fc.asyncProperty(rounds, async (plan) => {
            const own = await createBench(await world());
            try {
              for (const { step, nth, records, segmentBytes } of plan) {
                await own.append(tenants.slice(0, 3), records);
                await own.appendBytes('bob', deletionOf('bob', `end ${nth}`, records % 2 === 0));
                const limits = { segmentBytes, ageMsMax: 10, idleMs: 3 };
                const before = await photograph(own.store);
                await runDoomed(own, step, nth, { limits });
                await assertErasuresKnown(own.store);
                await assertKept(own.store, before);
              }
              await own.append(['ann']);
              await own.start().done();
              await own.verify();
            } finally {
              await own.close();
            }
          }),
          { numRuns: runs },
        );
      });
    });

    describe('two archivers at once', () => {
      it('make one chain, whatever the order of their steps', async () => {
        const sizes = fc.constantFrom(1, 500, 1_500, 100_000);
        await fc.assert(
          fc.asyncProperty(fc.scheduler(), sizes, sizes, async (scheduler, one, two) => {
            const own = await createBench(await world());
            try {
              await own.append(tenants.slice(0, 3), 8);
              const racing = [one, two].map((segmentBytes, index) => {
                const store = faultyStore(own.store, ({ name, key }) => {
                  const until = scheduler.schedule(Promise.resolve(), `${index} ${name} ${key}`);
                  return { kind: 'delayed', until: until.then(() => {}) };
                });
                return own.start({ store, limits: { segmentBytes, ageMsMax: 10, idleMs: 3 } });
              });
              await own.appendBytes('ann', deletionOf('ann', 'end', true));
              const later = own.append(tenants.slice(0, 3), 4);
              await scheduler.waitFor(
                later.then(() => Promise.all(racing.map((each) => each.done()))),
              );
              // Both have read to the end and agree; what was said on the way is no conflict.
              await scheduler.waitFor(
                until(() => racing.every(({ archiver }) => archiver.held === 0)),
              );
              await own.verify();
              for (const { archiver } of racing)
                for (const partition of archiver.partitions)
                  for (const { verdict } of partition.tenants()) expect(verdict).toBeUndefined();
            } finally {
              const closing = own.close();
              await scheduler.waitFor(closing);
            }
          }),
          { numRuns: runs },
        );
      });
    });
  });
}
