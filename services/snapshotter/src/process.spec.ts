import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checksumNameOf, segmentDate, segmentName } from '@entdb/archive-format';
import { realClock, realRng } from '@entdb/base';
import { createDirectoryStore, type ObjectStore } from '@entdb/object-store';
import { loadCatalog, verifyTenant } from '@entdb/snapshot';
import * as fc from 'fast-check';
import { archivesIn, keysOf, scratchFolder, until, type Archives } from './testing/world.ts';

/** The program itself, on a directory. */
const program = fileURLToPath(new URL('./main.ts', import.meta.url));
const rounds = Number(process.env['ENTDB_KILL_ROUNDS'] ?? 4);
const tenants = Array.from({ length: 4 }, (_, i) => `tenant-${i}`);

interface Surroundings {
  readonly dir: string;
  readonly store: ObjectStore;
  readonly archives: Archives;
}

let cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const task of cleanUp.toReversed()) await task();
  cleanUp = [];
});

function surroundings(): Surroundings {
  const folder = scratchFolder();
  cleanUp.push(() => folder.remove());
  const store = createDirectoryStore({
    directory: join(folder.path, 'objects'),
    clock: realClock,
    rng: realRng,
  });
  cleanUp.push(() => store.close());
  return { dir: folder.path, store, archives: archivesIn(store) };
}

function startProgram(dir: string, name: string, env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [program], {
    env: {
      PATH: process.env['PATH'],
      ENTDB_DATA_DIR: dir,
      ENTDB_RPC_PORT: '0',
      ENTDB_HTTP_PORT: '0',
      ENTDB_INSTANCE: name,
      ENTDB_EXIT_WITH_PARENT: 'true',
      ENTDB_DRAIN_WAIT: '0ms',
      ENTDB_SNAPSHOT_CACHE_DIR: join(dir, `cache-${name}`),
      ENTDB_SNAPSHOT_INTERVAL: '100ms',
      ENTDB_SNAPSHOT_POLL: '10ms',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => void (output += text));
  const http = async () => {
    const found = () => /"http":"([^"]+)"/.exec(output)?.[1];
    await until(() => found() !== undefined);
    return `http://${found()}`;
  };
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    await exited;
    return child.exitCode;
  };
  cleanUp.push(async () => void (await end('SIGKILL')));
  return { end, http, output: () => output };
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

it(
  `completes what was cut off over ${rounds} rounds of SIGKILL, and no half snapshot is ever seen`,
  async () => {
    const { dir, store, archives } = surroundings();
    const objects = async () => (await keysOf(store, 'snapshots/')).length;
    // After so many objects of a round it is killed: the moment is chosen by its own work, not by a clock.
    const plan = fc.sample(fc.integer({ min: 0, max: 3 * tenants.length - 1 }), rounds);
    for (const count of plan) {
      for (const tenant of tenants) await archives.grow(tenant, 40);
      const had = await objects();
      const running = startProgram(dir, 'one');
      await until(async () => (await objects()) >= had + count);
      await running.end('SIGKILL');
      await assertSound(store);
    }
    const last = startProgram(dir, 'one');
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
  60_000 + rounds * 20_000,
);

it('does no harm when two of them work on the same tenants', async () => {
  const { dir, store, archives } = surroundings();
  for (const tenant of tenants) await archives.grow(tenant, 40);
  const both = [startProgram(dir, 'one'), startProgram(dir, 'two')];
  for (let n = 0; n < 3; n += 1) {
    await until(() => isCovered(store));
    await assertSound(store);
    for (const tenant of tenants) await archives.grow(tenant, 40);
  }
  await until(() => isCovered(store));
  for (const one of both) expect(await one.end('SIGTERM')).toBe(0);
  expect(await assertSound(store)).toBeGreaterThanOrEqual(4 * tenants.length);
  const third = startProgram(dir, 'three', { ENTDB_SNAPSHOT_CACHE_DIR: join(dir, 'cache-one') });
  await third.http();
  const fourth = startProgram(dir, 'four', { ENTDB_SNAPSHOT_CACHE_DIR: join(dir, 'cache-one') });
  await until(() => [third, fourth].some((one) => one.output().includes('OUTPUT_IN_USE')));
}, 120_000);

it('says how it is at /health and /metrics, and names a tenant that stands still', async () => {
  const { dir, store, archives } = surroundings();
  for (const tenant of tenants) await archives.grow(tenant, 10);
  const running = startProgram(dir, 'one');
  const http = await running.http();
  await until(() => isCovered(store));
  const health = async () =>
    (await (await fetch(`${http}/health`)).json()) as Record<string, unknown>;
  await until(async () => (await health())['status'] === 'healthy');
  expect(await health()).toMatchObject({
    components: { s3: 'ok' },
    snapshot_enabled: true,
    last_snapshot: expect.stringContaining('T'),
    tenants: tenants.length,
    standing_still: [],
  });
  const metrics = await (await fetch(`${http}/metrics`)).text();
  expect(metrics).toMatch(/^snapshot_age_hours\{service="snapshotter"\} 0$/m);
  expect(metrics).toMatch(/^snapshots_made_total\{service="snapshotter"\} 4$/m);

  const segment = segmentName('tenant-0', segmentDate(Date.now()), 11);
  await store.create(segment, Buffer.from('rubbish'));
  await store.create(checksumNameOf(segment), Buffer.from('rubbish'));
  await until(async () => (await health())['status'] === 'degraded');
  expect(await health()).toMatchObject({
    standing_still: [{ tenantId: 'tenant-0', code: 'SEGMENT_CORRUPT', during: 'survey' }],
  });
  expect(await running.end('SIGTERM')).toBe(0);
}, 60_000);

it('turned off, does nothing and says so', async () => {
  const { dir, store, archives } = surroundings();
  await archives.grow('tenant-0', 10);
  const running = startProgram(dir, 'one', { ENTDB_SNAPSHOT_ENABLED: 'false' });
  const http = await running.http();
  await until(async () => (await (await fetch(`${http}/readyz`)).text()).includes('true'));
  expect(await (await fetch(`${http}/health`)).json()).toMatchObject({
    status: 'healthy',
    components: { s3: 'disabled' },
    snapshot_enabled: false,
    last_snapshot: null,
  });
  expect(await keysOf(store, 'snapshots/')).toEqual([]);
  expect(await running.end('SIGTERM')).toBe(0);
}, 30_000);
