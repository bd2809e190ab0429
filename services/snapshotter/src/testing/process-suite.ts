import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checksumNameOf, segmentDate, segmentName } from '@entdb/archive-format';
import { realClock, realRng } from '@entdb/base';
import { decodeStatusRecord, type SnapshotterStatus } from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';
import { loadCatalog, verifyTenant } from '@entdb/snapshot';
import { scratchFolder, startProgram, until, type Program } from '@entdb/testkit';
import { createEmbeddedWal, statusTopic, topicSpecs, type Wal } from '@entdb/wal';
import * as fc from 'fast-check';
import type { OpenPlace } from './place.ts';
import { applied, archivesIn, keysOf, published, type Archives } from './world.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const doomed = fileURLToPath(new URL('./doomed.ts', import.meta.url));
const rounds = Number(process.env['ENTDB_KILL_ROUNDS'] ?? 4);
/** Of a test, on a machine that has much else to do: what waits, waits for a condition. */
const limitMs = 300_000;
const tenants = Array.from({ length: 4 }, (_, i) => `tenant-${i}`);

interface Surroundings {
  readonly dir: string;
  readonly store: ObjectStore;
  readonly archives: Archives;
  /** The log of the fleet, of which the snapshotter hears and reads the status alone. */
  openLog(): Promise<Wal>;
  start(name: string, env?: Readonly<Record<string, string>>, program?: string): Program;
}

let cleanUp: (() => Promise<unknown> | void)[] = [];

async function surroundings(openPlace: OpenPlace): Promise<Surroundings> {
  const folder = scratchFolder('snapshotter');
  cleanUp.push(() => folder.remove());
  const dir = folder.path;
  const { store, env } = await openPlace(dir);
  cleanUp.push(() => store.close());
  return {
    dir,
    store,
    archives: archivesIn(store),
    async openLog() {
      const wal = createEmbeddedWal({ directory: join(dir, 'log') });
      cleanUp.push(() => wal.close());
      await wal.createTopics(topics);
      return wal;
    },
    start(name, more = {}, program = main) {
      const running = startProgram({
        program,
        env: {
          ENTDB_DATA_DIR: dir,
          ENTDB_INSTANCE: name,
          ENTDB_SNAPSHOT_CACHE_DIR: join(dir, `cache-${name}`),
          ENTDB_SNAPSHOT_INTERVAL: '100ms',
          ENTDB_SNAPSHOT_POLL: '10ms',
          ENTDB_STATUS_INTERVAL: '20ms',
          ...env,
          ...more,
        },
      });
      cleanUp.push(() => running.end('SIGKILL'));
      return running;
    },
  };
}

const topics = topicSpecs({
  walPartitions: 8,
  replicationFactor: 1,
  minInsyncReplicas: 1,
  walRetentionMs: 604_800_000,
});

/** What a snapshotter said last. */
async function lastStatus(wal: Wal): Promise<SnapshotterStatus | undefined> {
  const { startOffset, endOffset } = await wal.bounds(statusTopic, 0);
  let status: SnapshotterStatus | undefined;
  if (startOffset === endOffset) return status;
  const done = new AbortController();
  await wal.consume({
    topic: statusTopic,
    from: new Map([[0, startOffset]]),
    signal: done.signal,
    onBatch: async ({ records }) => {
      for (const { key, value } of records) {
        const record = decodeStatusRecord(key, value);
        if (record.status.case === 'snapshotter') status = record.status.value;
      }
      if (records.at(-1)!.offset >= endOffset - 1) done.abort();
    },
  });
  return status;
}

/** Every archived record is in a snapshot. */
async function isCovered(store: ObjectStore): Promise<boolean> {
  for (const tenant of tenants) {
    const { history } = await loadCatalog(store, tenant);
    const last = history.segments.at(-1)?.lastSequence;
    if (last === undefined || history.snapshots.at(-1)?.sequence !== last) return false;
  }
  return true;
}

/** Whatever is listed as a snapshot is one: each of its bytes, and what the archive leads to at its record. Gives their number. */
async function assertSound(store: ObjectStore): Promise<number> {
  let snapshots = 0;
  for (const tenantId of tenants) {
    const { history } = await loadCatalog(store, tenantId);
    snapshots += history.snapshots.length;
    expect(history.damaged).toEqual([]);
    const report = await verifyTenant({
      store,
      clock: realClock,
      rng: realRng,
      tenantId,
      level: 'checksums',
    });
    expect({ tenantId, ok: report.ok, findings: report.findings }).toEqual({
      tenantId,
      ok: true,
      findings: [],
    });
  }
  return snapshots;
}

/** The program itself. */
export function describeProcess(name: string, openPlace: OpenPlace): void {
  describe(`the program on ${name}`, () => {
    afterEach(async () => {
      for (const task of cleanUp.toReversed()) await task();
      cleanUp = [];
    });

    it(
      `completes what was cut off over ${rounds} rounds of SIGKILL, and no half snapshot is ever seen`,
      async () => {
        const { store, archives, start } = await surroundings(openPlace);
        const objects = async () => (await keysOf(store, 'snapshots/')).length;
        // After so many objects of a round it is killed: the moment is chosen by its own work, not by a clock.
        const plan = fc.sample(fc.integer({ min: 0, max: 3 * tenants.length - 1 }), rounds);
        for (const count of plan) {
          for (const tenant of tenants) await archives.grow(tenant, 40);
          const had = await objects();
          const running = start('one');
          await until(async () => (await objects()) >= had + count);
          await running.end('SIGKILL');
          await assertSound(store);
        }
        const last = start('one');
        await until(() => isCovered(store));
        expect(await last.end('SIGTERM')).toBe(0);
        expect(await assertSound(store)).toBeGreaterThanOrEqual(tenants.length);
        for (const tenantId of tenants) {
          const report = await verifyTenant({
            store,
            clock: realClock,
            rng: realRng,
            tenantId,
            level: 'restore',
          });
          expect(report.ok).toBe(true);
        }
      },
      limitMs + rounds * 30_000,
    );

    it(
      'does no harm when two of them work on the same tenants',
      async () => {
        const { dir, store, archives, start } = await surroundings(openPlace);
        for (const tenant of tenants) await archives.grow(tenant, 40);
        const both = [start('one'), start('two')];
        for (let n = 0; n < 3; n += 1) {
          await until(() => isCovered(store));
          await assertSound(store);
          for (const tenant of tenants) await archives.grow(tenant, 40);
        }
        await until(() => isCovered(store));
        for (const one of both) expect(await one.end('SIGTERM')).toBe(0);
        expect(await assertSound(store)).toBeGreaterThanOrEqual(4 * tenants.length);
        const third = start('three', { ENTDB_SNAPSHOT_CACHE_DIR: join(dir, 'cache-one') });
        await third.health();
        const fourth = start('four', { ENTDB_SNAPSHOT_CACHE_DIR: join(dir, 'cache-one') });
        await until(() => [third, fourth].some((one) => one.output().includes('OUTPUT_IN_USE')));
      },
      limitMs,
    );

    it(
      'says how it is at /health and /metrics, and names a tenant that stands still',
      async () => {
        const { store, archives, start } = await surroundings(openPlace);
        for (const tenant of tenants) await archives.grow(tenant, 10);
        const running = start('one');
        await until(() => isCovered(store));
        await until(async () => (await running.health())['status'] === 'healthy');
        expect(await running.health()).toMatchObject({
          components: { s3: 'ok' },
          snapshot_enabled: true,
          last_snapshot: expect.stringContaining('T'),
          tenants: tenants.length,
          standing_still: [],
        });
        // The store has the last snapshot before the process has said so.
        await until(async () => {
          const metrics = await running.metrics();
          return (
            /^snapshot_age_hours\{service="snapshotter"\} 0$/m.test(metrics) &&
            /^snapshots_made_total\{service="snapshotter"\} 4$/m.test(metrics)
          );
        });

        const segment = segmentName('tenant-0', segmentDate(Date.now()), 11);
        await store.create(segment, Buffer.from('rubbish'));
        await store.create(checksumNameOf(segment), Buffer.from('rubbish'));
        await until(async () => (await running.health())['status'] === 'degraded');
        expect(await running.health()).toMatchObject({
          standing_still: [{ tenantId: 'tenant-0', code: 'SEGMENT_CORRUPT', during: 'survey' }],
        });
        expect(await running.end('SIGTERM')).toBe(0);
      },
      limitMs,
    );

    it(
      'answers, and serves others, while a thread is inside a tenant that takes without end',
      async () => {
        const { store, archives, start } = await surroundings(openPlace);
        for (const tenant of tenants) await archives.grow(tenant, 10);
        const env = {
          ENTDB_SNAPSHOT_PARALLEL: '2',
          ENTDB_DOOM_STEP: 'before the first upload',
          ENTDB_DOOM_TENANT: 'tenant-0',
          ENTDB_DOOM_END: 'block',
        };
        const running = start('one', env, doomed);
        const others = tenants.filter((tenant) => tenant !== 'tenant-0');
        const made = async (tenant: string) => (await loadCatalog(store, tenant)).history.snapshots;
        for (const tenant of others)
          await until(async () => (await made(tenant)).at(-1)?.sequence === 10);
        for (const tenant of others) await archives.grow(tenant, 10);
        for (const tenant of others)
          await until(async () => (await made(tenant)).at(-1)?.sequence === 20);
        expect(await running.health()).toMatchObject({
          tenants: tenants.length,
          standing_still: [],
        });
        expect(await running.metrics()).toMatch(/^snapshot_due_tenants\{.*\} 1$/m);
        expect(await made('tenant-0')).toEqual([]);
        expect(await running.end('SIGKILL')).toBe('SIGKILL');
      },
      limitMs,
    );

    it(
      'turned off, does nothing and says so: at /health and to the fleet',
      async () => {
        const { store, archives, start, openLog } = await surroundings(openPlace);
        await archives.grow('tenant-0', 10);
        const wal = await openLog();
        const running = start('one', { ENTDB_SNAPSHOT_ENABLED: 'false' });
        await running.ready();
        await until(async () => (await lastStatus(wal)) !== undefined);
        expect(await lastStatus(wal)).toMatchObject({
          enabled: false,
          tenants: 0n,
          lastSuccessUs: 0n,
        });
        await until(async () => (await running.health())['status'] === 'healthy');
        expect(await running.health()).toMatchObject({
          components: { s3: 'disabled', wal: 'connected' },
          snapshot_enabled: false,
          last_snapshot: null,
          compared: false,
        });
        expect(await keysOf(store, 'snapshots/')).toEqual([]);
        expect(await running.end('SIGTERM')).toBe(0);
      },
      limitMs,
    );

    it(
      'compares with what appliers published before it was started, and tells the fleet of a disagreement',
      async () => {
        const { dir, store, archives, start, openLog } = await surroundings(openPlace);
        const beganMs = Date.now() - 60_000;
        for (const tenant of tenants) await archives.grow(tenant, 10, beganMs);
        const wal = await openLog();
        const lane = await wal.openLane(statusTopic, 0);
        for (const [n, tenant] of tenants.entries()) {
          const content = applied(
            join(dir, `content-${n}`),
            tenant,
            8,
            beganMs,
            n === 0 ? '!' : '',
          );
          await lane.append([published('applier-0', tenant, 8, content)]);
        }
        const running = start('one');
        await until(async () => (await lastStatus(wal))?.stoppedTenants === 1n);
        const sealed = async () =>
          (await keysOf(store, 'snapshots/')).filter((key) => key.endsWith('/manifest.json'))
            .length;
        await until(async () => (await sealed()) === tenants.length - 1);
        await until(async () => (await lastStatus(wal))?.due === 1n);
        expect(await lastStatus(wal)).toMatchObject({
          enabled: true,
          tenants: BigInt(tenants.length),
          trouble: '',
          stopped: [
            {
              tenantId: 'tenant-0',
              code: 'SNAPSHOT_DIGEST_MISMATCH',
              reason: expect.stringMatching(
                /record 8 at offset 8: the archive has .*applier-0 has /,
              ),
            },
          ],
          oldestWaitingUs: BigInt(beganMs * 1000),
        });
        expect(Number((await lastStatus(wal))?.lastSuccessUs)).toBeGreaterThan(beganMs * 1000);
        expect(await running.health()).toMatchObject({
          compared: true,
          standing_still: [
            { tenantId: 'tenant-0', doubt: { sequence: 8, said: [{ by: 'applier-0' }] } },
          ],
        });
        for (const tenant of tenants.slice(1)) {
          const { history } = await loadCatalog(store, tenant);
          expect(history.snapshots[0]?.confirmed).toEqual({
            sequence: 8,
            instances: ['applier-0'],
          });
        }
        expect(await keysOf(store, 'snapshots/tenant-0/')).toEqual([]);
        expect(await running.end('SIGTERM')).toBe(0);
      },
      limitMs,
    );

    it(
      'goes on without the log, compares with nothing, and says so',
      async () => {
        const { store, archives, start } = await surroundings(openPlace);
        for (const tenant of tenants) await archives.grow(tenant, 10);
        const nobody = { ENTDB_LOG: 'kafka', ENTDB_KAFKA_BROKERS: '127.0.0.1:1' };
        const running = start('one', nobody);
        await until(() => isCovered(store));
        await assertSound(store);
        expect(await running.health()).toMatchObject({
          status: 'degraded',
          compared: false,
          components: { wal: expect.stringContaining('snapshots are compared with nothing') },
        });
        expect(await running.end('SIGTERM')).toBe(0);
      },
      limitMs,
    );
  });
}
