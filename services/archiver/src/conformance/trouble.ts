import { checksumNameOf, encodeChecksum, encodeSegment, firstLink } from '@entdb/archive-format';
import { partitionOf } from '@entdb/base';
import type { ObjectFault, ObjectOperation } from '@entdb/object-store';
import { archiverGroup, walTopic, type MemoryWal, type Wal } from '@entdb/wal';
import * as fc from 'fast-check';
import { photograph, readArchive, readLog } from '../testing/archive.ts';
import {
  assertKept,
  createBench,
  partitions,
  recordOf,
  until,
  type Bench,
  type Running,
} from '../testing/harness.ts';

import { faultyStore } from '../testing/faulty-store.ts';
import type { Setting } from '../testing/worlds.ts';

/** What an archiver makes of archives and logs that are not as they ought to be, in any world. */
export function describeTrouble({ name: place, world, runs, crowd }: Setting): void {
  describe(`trouble ${place}`, () => {
    let bench: Bench<MemoryWal>;
    beforeEach(async () => {
      bench = await createBench(await world());
    });
    afterEach(() => bench.close());

    /** Two tenants of one partition, and one of the other. */
    const [ann, bob, eve] = (() => {
      const names = Array.from({ length: 20 }, (_, i) => `t${i}`);
      const of = (partition: number) =>
        names.filter((name) => partitionOf(name, partitions) === partition);
      return [of(0)[0]!, of(0)[1]!, of(1)[0]!];
    })();

    const verdictsOf = (running: Running) =>
      Object.fromEntries(
        running.archiver.partitions.flatMap((partition) =>
          [...partition.tenants()].map(({ tenantId, verdict }) => [tenantId, verdict?.code]),
        ),
      );
    const markOf = (partition: number) => bench.wal.committed(archiverGroup, walTopic, partition);
    const countOf = async (tenantId: string) =>
      (await readArchive(bench.store, tenantId)).records.length;
    const linkOf = (tenantId: string) =>
      firstLink({ tenantId, topic: walTopic, partition: partitionOf(tenantId, partitions) });

    /** A segment of records that are not on our log: another fleet's, in our bucket. */
    const foreign = (tenantId: string, records = 1, timeMs = Date.now()) =>
      encodeSegment(
        linkOf(tenantId),
        Array.from({ length: records }, (_, index) => ({
          partition: partitionOf(tenantId, partitions),
          offset: index,
          timeMs,
          sequence: index + 1,
          value: recordOf(tenantId, `foreign ${index}`),
        })),
      );

    describe('a conflict stops one tenant, and nobody else', () => {
      it.each<[string, () => Promise<void>]>([
        [
          'a segment without a checksum that holds other records',
          async () => {
            const { name, bytes } = await foreign(ann);
            await bench.store.create(name, bytes);
          },
        ],
        [
          'a segment of another fleet, with its checksum',
          async () => {
            const { name, bytes, checksum } = await foreign(ann, 2);
            await bench.store.create(name, bytes);
            await bench.store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
          },
        ],
        [
          'a segment of another fleet that ends before the first record on our log',
          async () => {
            const { name, bytes, checksum } = await foreign(ann, 1);
            await bench.store.create(name, bytes);
            await bench.store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
          },
        ],
        [
          'a segment without a checksum, of another day',
          async () => {
            const { name, bytes } = await foreign(ann, 1, Date.now() - 3 * 86_400_000);
            await bench.store.create(name, bytes);
          },
        ],
        [
          'an archive that is ahead of the log',
          async () => {
            const { name, bytes, checksum } = await foreign(ann, 99);
            await bench.store.create(name, bytes);
            await bench.store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
          },
        ],
        [
          'a segment that is damaged',
          async () => {
            const { name, bytes } = await foreign(ann);
            await bench.store.create(name, bytes.subarray(0, 30));
          },
        ],
        [
          'a checksum without its segment',
          async () => {
            const { name, checksum } = await foreign(ann);
            await bench.store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
          },
        ],
        [
          'a checksum that is damaged',
          async () => {
            const { name, bytes } = await foreign(ann);
            await bench.store.create(name, bytes);
            await bench.store.create(checksumNameOf(name), Buffer.from('{}'));
          },
        ],
      ])('%s', async (_name, prepare) => {
        await prepare();
        const before = await photograph(bench.store);
        await bench.append([bob, ann, eve], 3);
        for (let again = 0; again < 2; again += 1) {
          const running = bench.start();
          await until(async () => verdictsOf(running)[ann] !== undefined);
          await bench.append([bob, eve], 2);
          const wanted = 5 + again * 2;
          await until(async () => (await countOf(bob).catch(() => 0)) === wanted);
          await until(async () => (await countOf(eve).catch(() => 0)) === wanted);
          expect(verdictsOf(running)).toEqual({
            [ann]: 'ARCHIVE_CONFLICT',
            [bob]: undefined,
            [eve]: undefined,
          });
          expect(await running.metrics()).toMatch(/archive_stopped_tenants\{.*\} 1\n/);
          await until(async () => /archive_lag_events\{.*\} [1-3]\n/.test(await running.metrics()));
          expect(running.lines).toContain(
            'the archive of a tenant stops until somebody has looked',
          );
          // Nothing of it may be passed over: whoever mends the archive finds the records still to be read.
          expect(await markOf(0)).toBeLessThanOrEqual(5);
          await running.stop();
        }
        await assertKept(bench.store, before);
      });

      it.each([
        ['begins like ours and ends in another way', true],
        ['holds as many records, and others', false],
      ])(
        'a segment that somebody writes between our look and our write, and that %s',
        async (_name, longer) => {
          await bench.append([ann, ann, bob], 1);
          const log = (await readLog(bench.wal, partitions)).get(ann)!;
          const stranger = (offset: number) => ({
            ...log[0]!,
            offset,
            value: recordOf(ann, 'elsewhere'),
          });
          const records = longer ? [...log, stranger(2)] : [log[0]!, stranger(1)];
          const { name, bytes } = await encodeSegment(
            linkOf(ann),
            records.map((record, index) => ({ ...record, sequence: index + 1 })),
          );
          let foreigner: Promise<unknown> | undefined;
          const faults = (operation: ObjectOperation): ObjectFault | undefined => {
            if (operation.name !== 'create' || operation.key !== name || foreigner)
              return undefined;
            foreigner = bench.store.create(name, bytes);
            return { kind: 'delayed', until: foreigner.then(() => {}) };
          };
          const running = bench.start({ store: faultyStore(bench.store, faults) });
          await until(() => verdictsOf(running)[ann] !== undefined);
          await until(async () => (await countOf(bob).catch(() => 0)) === 1);
          expect(verdictsOf(running)).toEqual({ [ann]: 'ARCHIVE_CONFLICT', [bob]: undefined });
          expect(await bench.store.stat(checksumNameOf(name))).toBeUndefined();
        },
      );

      it('a last record of the archive that the log does not have, although no other comes', async () => {
        const { name, bytes, checksum } = await foreign(ann, 2); // at offsets 0 and 1
        await bench.store.create(name, bytes);
        await bench.store.create(checksumNameOf(name), Buffer.from(encodeChecksum(checksum)));
        await bench.append([ann, bob, bob], 1);
        const running = bench.start();
        await until(() => verdictsOf(running)[ann] !== undefined);
        expect(verdictsOf(running)).toEqual({ [ann]: 'ARCHIVE_CONFLICT', [bob]: undefined });
        expect(await markOf(0)).toBeLessThanOrEqual(1);
      });

      it('a log that was made anew is not taken for the one in the archive', async () => {
        await bench.append([ann, eve], 5);
        const first = bench.start();
        await first.done();
        await first.stop();
        const other = await createBench(await world());
        try {
          await other.append([bob], 1);
          await other.append([ann, eve], 9);
          const before = await photograph(bench.store);
          const running = other.start({ store: bench.store });
          await until(() => {
            const verdicts = verdictsOf(running);
            return verdicts[ann] !== undefined && verdicts[eve] !== undefined;
          });
          expect(verdictsOf(running)).toMatchObject({
            [ann]: 'ARCHIVE_CONFLICT',
            [eve]: 'ARCHIVE_CONFLICT',
          });
          await running.stop();
          await assertKept(bench.store, before);
        } finally {
          await other.close();
        }
      });
    });

    describe('what the log lost', () => {
      it('before the first start is a gap for every tenant of the partition', async () => {
        await bench.append([ann, bob, eve], 3);
        bench.wal.truncateBefore(walTopic, 0, 1);
        const running = bench.start();
        await until(
          () => verdictsOf(running)[ann] !== undefined && verdictsOf(running)[bob] !== undefined,
        );
        await until(async () => (await countOf(eve).catch(() => 0)) === 3);
        expect(verdictsOf(running)).toEqual({
          [ann]: 'ARCHIVE_GAP',
          [bob]: 'ARCHIVE_GAP',
          [eve]: undefined,
        });
        expect(await countOf(ann)).toBe(0);
        expect(await markOf(0)).toBe(0);
        expect(running.lines).toContain('the log lost records before they were archived');
        expect(await running.metrics()).toMatch(/archive_stopped_partitions\{.*\} 1\n/);
      });

      it('below the mark is no gap', async () => {
        await bench.append([ann, bob], 3);
        const first = bench.start();
        await first.done();
        await first.stop();
        bench.wal.truncateBefore(walTopic, 0, 6);
        await bench.append([ann, bob, 't-new-1', 't-new-2'], 2);
        const running = bench.start();
        await running.done();
        expect(await countOf(ann)).toBe(5);
        expect(await countOf('t-new-1')).toBe(2);
        expect(running.lines).toEqual([]);
      });

      it('beyond the mark is a gap, but for a tenant whose archive reaches across it', async () => {
        await bench.append([ann, bob], 3); // ann at 0, 2, 4; bob at 1, 3, 5
        const first = bench.start();
        await first.done();
        await first.stop();
        await bench.wal.commit(archiverGroup, walTopic, 0, 4); // a mark that lags behind the objects
        bench.wal.truncateBefore(walTopic, 0, 6);
        await bench.append([ann, bob], 2);
        const running = bench.start();
        await until(() => verdictsOf(running)[ann] !== undefined);
        await until(async () => (await countOf(bob).catch(() => 0)) === 5);
        expect(verdictsOf(running)).toMatchObject({ [ann]: 'ARCHIVE_GAP', [bob]: undefined });
        expect(await markOf(0)).toBe(4);
      });

      it('while it was being read: what was read before is archived, and then the tenant stops', async () => {
        let gate = Promise.withResolvers<void>();
        gate.resolve();
        let inHand = -1;
        const wal: Wal = {
          ...bench.wal,
          consume: (options) =>
            bench.wal.consume({
              ...options,
              onBatch: async (batch) => {
                inHand = batch.records.at(-1)!.offset;
                await gate.promise;
                await options.onBatch(batch);
              },
            }),
        };
        // Nothing is due by itself.
        const limits = { segmentBytes: 1_000_000, ageMsMax: 60_000, idleMs: 60_000 };
        await bench.append([ann], 3);
        const running = bench.start({ wal, limits });
        await until(() => running.archiver.partitions[0]?.nextOffset === 3);
        gate = Promise.withResolvers();
        await bench.append([ann], 1);
        await until(() => inHand === 3);
        await bench.append([ann], 4);
        bench.wal.truncateBefore(walTopic, 0, 6);
        gate.resolve();
        await until(() => verdictsOf(running)[ann] !== undefined);
        expect(verdictsOf(running)).toEqual({ [ann]: 'ARCHIVE_GAP' });
        expect(running.archiver.partitions[0]!.hole).toEqual({ from: 4, to: 6 });
        expect((await readArchive(bench.store, ann)).records.map(({ offset }) => offset)).toEqual([
          0, 1, 2, 3,
        ]);
        await until(async () => (await markOf(0)) === 4);
        await until(async () => /archive_lag_events\{.*\} 2\n/.test(await running.metrics()));
      });

      it('is found where the store is new and the marks speak of another', async () => {
        await bench.append([ann, eve], 3);
        await bench.wal.commit(archiverGroup, walTopic, partitionOf(ann, partitions), 2);
        const running = bench.start();
        await running.done();
        await bench.verify();
        expect(running.lines).toHaveLength(1);
      });

      it('after the mark was lost with the end of the log stops the partition alone', async () => {
        await bench.append([ann, eve], 3);
        const first = bench.start();
        await first.done();
        await first.stop();
        await bench.wal.commit(archiverGroup, walTopic, 0, 99);
        await bench.append([ann, eve], 3);
        const running = bench.start();
        await until(async () => (await countOf(eve).catch(() => 0)) === 6);
        expect(running.archiver.partitions[0]!.failure?.code).toBe('LOG_TRUNCATED');
        expect(await markOf(0)).toBe(99);
      });
    });

    describe('records that cannot be read', () => {
      it('are archived as they are; those of nobody are counted', async () => {
        await bench.append([ann], 1);
        await bench.appendBytes(ann, Buffer.from('rubbish'));
        await bench.appendBytes(ann, recordOf(bob, 'under the wrong key'));
        await bench.appendBytes(ann, new Uint8Array(0));
        await bench.appendBytes('no/tenant', Buffer.from('x'), 0);
        await bench.append([ann], 1);
        const running = bench.start();
        await running.done();
        expect(await countOf(ann)).toBe(5);
        const log = await readLog(bench.wal, partitions);
        const archived = (await readArchive(bench.store, ann)).records;
        expect(archived.map(({ value }) => Buffer.from(value).toString('hex'))).toEqual(
          log.get(ann)!.map(({ value }) => Buffer.from(value).toString('hex')),
        );
        expect(await running.metrics()).toMatch(/archive_unowned_records_total\{.*\} 1\n/);
      });
    });

    describe('an object store that fails', () => {
      it('is asked for ever; nothing is lost and the trouble is told while it lasts', async () => {
        let down = true;
        const store = faultyStore(bench.store, () => (down ? { kind: 'unavailable' } : undefined));
        await bench.append([ann, bob, eve], 4);
        const running = bench.start({ store });
        await until(() => running.archiver.trouble() !== undefined);
        expect(await running.metrics()).toMatch(/archive_lag_events\{.*\} 12\n/);
        down = false;
        await running.done();
        await bench.verify();
        await until(() => running.archiver.trouble() === undefined);
      });

      it('in every way, at any time, never damages an archive', async () => {
        const fault = fc.constantFrom<ObjectFault | undefined>(
          undefined,
          undefined,
          undefined,
          undefined,
          { kind: 'unavailable' },
          { kind: 'answerLost' },
          { kind: 'cut', bytes: 10 },
        );
        await fc.assert(
          fc.asyncProperty(fc.array(fault, { maxLength: 60 }), async (plan) => {
            const own = await createBench(await world());
            try {
              const script = plan.values();
              const faults = (_operation: ObjectOperation) => script.next().value;
              await own.append([ann, bob, eve], 5, 100);
              const quick = {
                now: Date.now,
                monotonic: () => performance.now(),
                sleep: quickSleep,
              };
              await own.start({ store: faultyStore(own.store, faults), clock: quick }).done();
              await own.verify();
            } finally {
              await own.close();
            }
          }),
          { numRuns: runs },
        );
      });

      it('once gives damaged bytes: they are read again before anybody is judged', async () => {
        let flips = 2;
        const faults = ({ name, key }: ObjectOperation): ObjectFault | undefined =>
          name === 'open' && key.endsWith('.gz') && flips-- > 0
            ? { kind: 'flipped', byte: 40 }
            : undefined;
        await bench.append([ann], 3);
        const running = bench.start({ store: faultyStore(bench.store, faults) });
        await running.done();
        await bench.verify();
        expect(flips).toBeLessThan(0);
      });
    });

    /** Back-off without the wait. */
    const quickSleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, Math.min(ms, 3)));
      signal?.throwIfAborted();
    };

    describe('memory', () => {
      it('stays bounded with hundreds of tenants while the store is slow, and reading goes on later', async () => {
        const many = Array.from({ length: crowd }, (_, i) => `many-${i}`);
        const heldBytesMax = 300_000;
        await bench.append(many, 1_500 / crowd, 4_000); // about 7 MB
        const open = Promise.withResolvers<void>();
        const store = faultyStore(bench.store, ({ name }) =>
          name === 'create' ? { kind: 'delayed', until: open.promise } : undefined,
        );
        const limits = { segmentBytes: 100_000, ageMsMax: 60_000, idleMs: 60_000 };
        const running = bench.start({ store, heldBytesMax, limits });
        let most = 0;
        const watch = () => (most = Math.max(most, running.archiver.held));
        await until(() => watch() > heldBytesMax);
        const unread = () =>
          running.archiver.partitions.filter(({ nextOffset, endOffset }) => nextOffset < endOffset);
        expect(unread()).toHaveLength(partitions);
        open.resolve();
        await until(() => {
          watch();
          return unread().length === 0;
        });
        // One batch of each partition (1 MiB at most) may be on top.
        expect(most).toBeLessThan(heldBytesMax + partitions * 1024 ** 2 * 1.3);
        await running.stop();
        await bench.start({ limits: { ...limits, idleMs: 10 } }).done();
        await bench.verify();
      });
    });
  });
}
