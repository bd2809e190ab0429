import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { realClock, realRng, silentLogger, type Logger } from '@entdb/base';
import { createDigestLedger } from '@entdb/fleet';
import type { ObjectStore } from '@entdb/object-store';
import { loadCatalog, verifyTenant } from '@entdb/snapshot';
import { createMetrics } from '@entdb/telemetry';
import { scratchFolder, until } from '@entdb/testkit';
import { openCache } from '../cache.ts';
import { createMeters } from '../meters.ts';
import { createSnapshotter, type SnapshotterOptions } from '../snapshotter.ts';
import { standsStill } from '../tenant.ts';
import { workAt } from '../work.ts';
import { harmed, type Harmed } from './harm.ts';
import { applied, archivesIn, keysOf, published } from './world.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const rules = { intervalMs: hourMs, recordsMax: 50 };

/** The loop on real files and any store, with archives as an archiver writes them. */
export function describeLoop(name: string, openStore: () => Promise<ObjectStore>): void {
  describe(`the loop on ${name}`, () => {
    const folder = scratchFolder('snapshotter');
    afterAll(() => folder.remove());

    let store: ObjectStore;
    let tamper: Harmed['tamper'];
    let failing: Harmed['failing'];
    let archives: ReturnType<typeof archivesIn>;
    let stops: (() => Promise<void>)[];
    beforeEach(async () => {
      const harm = harmed(await openStore());
      ({ store, tamper, failing } = harm);
      archives = archivesIn(store);
      stops = [() => store.close()];
    });
    afterEach(async () => {
      for (const stop of stops.toReversed()) await stop();
    });

    let runs = 0;
    interface Options extends Partial<Omit<SnapshotterOptions, 'work'>> {
      readonly cacheBytesMax?: number;
      readonly cacheDir?: string;
    }
    function start({ cacheBytesMax = 1e9, cacheDir, ...options }: Options = {}) {
      const dir = cacheDir ?? join(folder.path, `cache-${runs++}`);
      const stopping = new AbortController();
      const lines: string[] = [];
      const say = (_: object, message: string) => void lines.push(message);
      const logger: Logger = { ...silentLogger, info: say, warn: say, error: say };
      const metrics = createMetrics({ service: 'snapshotter', processMetrics: false });
      const meters = createMeters(metrics, {
        tenants: () => snapshotter.tenants(),
        rules,
        clock: realClock,
      });
      const cache = openCache({ dir, bytesMax: cacheBytesMax, clock: realClock });
      const snapshotter = createSnapshotter({
        store,
        cache,
        work: workAt({ store, clock: realClock, rng: realRng, signal: stopping.signal }),
        rules,
        pollMs: 5,
        parallel: 2,
        retention: { days: 90, dryRun: false },
        backoff: { initialMs: 20, maxMs: 50 },
        meters,
        clock: realClock,
        rng: realRng,
        logger,
        signal: stopping.signal,
        ...options,
      });
      const ended = snapshotter.run();
      stops.push(async () => {
        stopping.abort();
        await ended;
        cache.close();
      });
      const fault = (tenantId: string) =>
        snapshotter.tenants().find((one) => one.tenantId === tenantId)?.fault;
      const metric = async (name: string) => {
        const { body } = await metrics.scrape();
        return Number(new RegExp(`^${name}\\{[^}]*\\} (.*)$`, 'm').exec(body)?.[1]);
      };
      return { snapshotter, dir, lines, metric, fault };
    }

    const snapshotsOf = async (tenantId: string) =>
      (await loadCatalog(store, tenantId)).history.snapshots.map(({ sequence }) => sequence);
    const reaches = (tenantId: string, sequence: number) =>
      until(async () => (await snapshotsOf(tenantId)).at(-1) === sequence);
    const verified = async (tenantId: string) =>
      (await verifyTenant({ store, clock: realClock, rng: realRng, tenantId, level: 'restore' }))
        .ok;

    it('makes a snapshot by age and by records, and none of a tenant that may wait', async () => {
      await archives.grow('old', 3, Date.now() - 2 * hourMs);
      await archives.grow('busy', 50);
      await archives.grow('young', 3);
      const { metric, snapshotter } = start();
      await Promise.all([reaches('old', 3), reaches('busy', 50)]);
      await archives.grow('busy', 49);
      await archives.grow('old', 2);
      await archives.grow('old', 48);
      await reaches('old', 53);
      await until(() =>
        snapshotter.tenants().every(({ tenantId, waiting }) => tenantId !== 'old' || !waiting),
      );
      expect([await snapshotsOf('busy'), await snapshotsOf('young')]).toEqual([[50], []]);
      expect(await metric('snapshots_made_total')).toBe(3);
      expect(await metric('snapshot_age_hours')).toBeLessThan(1);
      expect(await metric('snapshot_due_tenants')).toBe(0);
      expect(await metric('snapshot_last_success_timestamp_seconds')).toBeGreaterThan(1e9);
      for (const tenant of ['old', 'busy']) expect(await verified(tenant)).toBe(true);
    });

    it('reports a tenant whose archive is damaged, serves the others, and goes on when it is mended', async () => {
      const timeMs = Date.now() - 5 * hourMs;
      const { segment } = await archives.grow('broken', 20, timeMs);
      await archives.grow('broken', 20, timeMs + 1_000);
      const whole = await store.read(segment);
      await tamper(segment, (bytes) => bytes.map((byte, i) => (i === 40 ? byte ^ 1 : byte)));
      for (const tenant of ['a', 'b', 'c']) await archives.grow(tenant, 5, Date.now() - 2 * hourMs);
      const { snapshotter, metric, fault, lines } = start({ parallel: 1 });
      await Promise.all(['a', 'b', 'c'].map((tenant) => reaches(tenant, 5)));
      await until(() => fault('broken') !== undefined);
      expect(fault('broken')).toMatchObject({ during: 'snapshot', code: 'SEGMENT_CORRUPT' });
      expect(snapshotter.tenants().filter(standsStill)).toHaveLength(1);
      expect(await metric('snapshot_stopped_tenants')).toBe(1);
      expect(await metric('snapshot_failures_total')).toBeGreaterThan(0);
      expect(await metric('snapshot_age_hours')).toBeGreaterThan(4.9);
      expect(lines).toContain('the tenant gets no snapshot until somebody has looked');
      expect(await keysOf(store, 'snapshots/broken/')).toEqual([]);
      await tamper(segment, () => whole);
      await reaches('broken', 40);
      await until(() => fault('broken') === undefined);
    });

    it('waits while the store is away, says so, and is well again afterwards', async () => {
      await archives.grow('a', 10, Date.now() - 2 * hourMs);
      failing(() => true);
      const { snapshotter } = start();
      await until(() => snapshotter.trouble() !== undefined);
      failing((name, key) => name === 'create' && key.startsWith('snapshots/'));
      await until(() => snapshotter.tenants()[0]?.fault !== undefined);
      expect(snapshotter.tenants()[0]?.fault).toMatchObject({
        during: 'snapshot',
        retriable: true,
      });
      expect(snapshotter.tenants().filter(standsStill)).toEqual([]);
      failing(() => false);
      await reaches('a', 10);
      await until(() => snapshotter.trouble() === undefined && !snapshotter.tenants()[0]?.fault);
    });

    it('counts an earlier snapshot where the newest cannot be read, and makes the next', async () => {
      await archives.grow('a', 60);
      await archives.grow('a', 60, Date.now() + 1_000);
      const first = start();
      await reaches('a', 120);
      await stops.pop()?.();
      const manifests = (await keysOf(store, 'snapshots/a/')).filter((key) =>
        key.endsWith('.json'),
      );
      await tamper(manifests.at(-1)!, (bytes) => bytes.subarray(1));
      await archives.grow('a', 1, Date.now() + 2_000);
      const { lines } = start();
      await reaches('a', 121);
      expect(lines).toContain('snapshots cannot be read: an earlier one counts');
      expect(first.lines).not.toContain('snapshots cannot be read: an earlier one counts');
    });

    it('keeps the working copies that were used last within their limit', async () => {
      const { dir } = start({ cacheBytesMax: 0 });
      for (const tenant of ['a', 'b', 'c']) {
        await archives.grow(tenant, 60);
        await reaches(tenant, 60);
      }
      await until(() => readdirSync(dir).every((name) => name.startsWith('lock.db')));
      await archives.grow('a', 60);
      await reaches('a', 120);
      const roomy = start();
      await archives.grow('b', 60);
      await reaches('b', 120);
      expect(() => openCache({ dir: roomy.dir, bytesMax: 0, clock: realClock })).toThrow(
        'another snapshotter',
      );
    });

    describe('digests that appliers published', () => {
      const beganMs = Date.now() - 2 * hourMs;
      const content = (tenantId: string, records: number, mark?: string) =>
        applied(join(folder.path, `content-${runs++}`), tenantId, records, beganMs, mark);
      const manifestsOf = async (tenantId: string) =>
        (await loadCatalog(store, tenantId)).history.snapshots;

      it('are compared with what the archive leads to, and the manifest says so', async () => {
        await archives.grow('a', 20, beganMs);
        await archives.grow('b', 20, beganMs);
        const ledger = createDigestLedger();
        for (const instance of ['applier-1', 'applier-0'])
          ledger.hear(published(instance, 'a', 15, content('a', 15)));
        const { metric } = start({ published: ledger });
        await Promise.all([reaches('a', 20), reaches('b', 20)]);
        expect((await manifestsOf('a'))[0]?.confirmed).toEqual({
          sequence: 15,
          instances: ['applier-0', 'applier-1'],
        });
        expect((await manifestsOf('b'))[0]?.confirmed).toBeUndefined();
        await until(async () => (await metric('snapshots_made_total')) === 2);
        expect(await metric('snapshot_digests_compared_total')).toBe(1);
        expect(await metric('snapshots_uncompared_total')).toBe(1);
      });

      it('put a tenant into quarantine where they are others, with both digests as evidence, and nobody else', async () => {
        await archives.grow('wrong', 10, beganMs);
        await archives.grow('right', 10, beganMs);
        const ledger = createDigestLedger();
        const other = content('wrong', 7, '!');
        ledger.hear(published('applier-0', 'wrong', 7, other));
        const { fault, snapshotter, metric } = start({ published: ledger });
        await reaches('right', 10);
        await until(() => fault('wrong') !== undefined);
        const own = content('wrong', 7);
        expect(fault('wrong')).toMatchObject({
          code: 'SNAPSHOT_DIGEST_MISMATCH',
          retriable: false,
        });
        for (const word of ['record 7 ', 'offset 7', own.canonical, other.canonical, 'applier-0'])
          expect(fault('wrong')?.message).toContain(word);
        const [tenant] = snapshotter.tenants().filter(standsStill);
        expect(tenant).toMatchObject({
          tenantId: 'wrong',
          doubt: {
            source: 'appliers',
            sequence: 7,
            offset: 7,
            own,
            said: [{ by: 'applier-0', ...other }],
          },
        });
        expect(await metric('snapshot_quarantined_tenants')).toBe(1);
        // What the applier says later does not undo what it said: the evidence stays, over every attempt.
        ledger.hear(published('applier-0', 'wrong', 7, own));
        const failures = await metric('snapshot_failures_total');
        await until(async () => (await metric('snapshot_failures_total')) > failures + 2);
        expect(await metric('snapshot_digest_disagreements_total')).toBe(1);
        expect(await keysOf(store, 'snapshots/wrong/')).toEqual([]);
      });

      it('put it into quarantine while they contradict each other, whatever the archive leads to', async () => {
        await archives.grow('a', 10, beganMs);
        const ledger = createDigestLedger();
        ledger.hear(published('applier-0', 'a', 7, content('a', 7)));
        ledger.hear(published('applier-1', 'a', 7, content('a', 7, '!')));
        const { fault, snapshotter } = start({ published: ledger });
        await until(() => fault('a') !== undefined);
        expect(fault('a')?.message).toMatch(/record 7 .*applier-0 has .*applier-1 has /);
        expect(snapshotter.tenants()[0]?.doubt).not.toHaveProperty('own');
        expect(await keysOf(store, 'snapshots/a/')).toEqual([]);
        // The one that was wrong is made anew, and says so: now there is something to hold the archive against.
        ledger.hear(published('applier-1', 'a', 7, content('a', 7)));
        await reaches('a', 10);
        await until(() => snapshotter.tenants()[0]?.doubt === undefined);
        expect((await manifestsOf('a'))[0]?.confirmed?.instances).toEqual([
          'applier-0',
          'applier-1',
        ]);
      });

      it('stay in doubt although another snapshotter, which has not heard of it, has passed the record', async () => {
        await archives.grow('a', 20, beganMs);
        const ledger = createDigestLedger();
        const other = { ...content('a', 15), mailbox: 'f'.repeat(64) }; // of the mailbox, no copy keeps what it had
        ledger.hear(published('applier-0', 'a', 15, other));
        const { fault, snapshotter, metric } = start({ published: ledger });
        await until(() => fault('a') !== undefined);
        const { signal } = new AbortController();
        const cacheDir = join(folder.path, `cache-${runs++}`);
        const work = workAt({ store, clock: realClock, rng: realRng, signal });
        await work.makeSnapshot({ tenantId: 'a', cacheDir, published: new Map() });
        await archives.grow('a', 60, beganMs + 60_000);
        await until(() => snapshotter.tenants()[0]?.waiting?.records === 60);
        const failures = await metric('snapshot_failures_total');
        await until(async () => (await metric('snapshot_failures_total')) > failures + 2);
        expect(snapshotter.tenants()[0]?.doubt).toMatchObject({ sequence: 15 });
        expect(await snapshotsOf('a')).toEqual([20]);
      });

      it('find a working copy that is wrong: it is made again from the archive, and the doubt is settled', async () => {
        await archives.grow('a', 20, beganMs);
        const ledger = createDigestLedger();
        ledger.hear(published('applier-0', 'a', 15, content('a', 15)));
        const cacheDir = join(folder.path, `cache-${runs++}`);
        applied(join(cacheDir, 'a'), 'a', 10, beganMs, '!');
        const { lines, snapshotter, metric } = start({ published: ledger, cacheDir });
        await reaches('a', 20);
        await until(() => lines.includes('a doubt is settled: the archive agrees'));
        await until(() => snapshotter.tenants().every((tenant) => !standsStill(tenant)));
        expect(await metric('snapshot_digest_disagreements_total')).toBe(1);
        expect(await metric('snapshot_quarantined_tenants')).toBe(0);
        expect((await manifestsOf('a'))[0]?.confirmed?.sequence).toBe(15);
        expect(await verified('a')).toBe(true);
      });
    });

    describe('retention', () => {
      /** 200 days of one record a day in a segment of its own; snapshots at 50 and 200. */
      async function history(): Promise<void> {
        const beganMs = Date.now() - 200 * dayMs;
        for (let day = 0; day < 50; day += 1) await archives.grow('a', 1, beganMs + day * dayMs);
        start({ retention: { days: 10_000, dryRun: false } });
        await reaches('a', 50);
        await stops.pop()?.();
        for (let day = 50; day < 200; day += 1) await archives.grow('a', 1, beganMs + day * dayMs);
      }

      it('removes what is too old, after the snapshots', async () => {
        await history();
        const before = (await keysOf(store, '')).length;
        const { lines, metric } = start();
        await until(() => lines.includes('retention removed'));
        expect(lines.indexOf('snapshot made')).toBeLessThan(lines.indexOf('retention removed'));
        expect(await snapshotsOf('a')).toEqual([50, 200]);
        expect((await keysOf(store, '')).filter((key) => key.startsWith('archive/'))).toHaveLength(
          300,
        );
        const removed = await metric('retention_removed_objects_total');
        expect(removed).toBe(100);
        expect(before).toBe(403);
        expect(await verified('a')).toBe(true);
      });

      it('only says what it would remove in a dry run', async () => {
        await history();
        const { lines } = start({ retention: { days: 90, dryRun: true } });
        await until(() => lines.includes('retention would remove'));
        expect(lines).not.toContain('retention removed');
        expect(await keysOf(store, 'archive/')).toHaveLength(400);
      });

      it('clears nothing away of a tenant that stands still', async () => {
        await history();
        const damaged = (await keysOf(store, 'archive/a/')).at(-2)!;
        await tamper(damaged, (bytes) => bytes.subarray(1));
        await archives.grow('other', 60, Date.now() - 2 * hourMs);
        const { fault, lines } = start();
        await until(() => fault('a') !== undefined);
        await reaches('other', 60);
        await until(() => lines.filter((line) => line.startsWith('the tenant gets')).length > 2);
        expect(await keysOf(store, 'archive/a/')).toHaveLength(400);
      });
    });
  });
}
