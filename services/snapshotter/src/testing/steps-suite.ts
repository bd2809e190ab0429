import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { realClock, realRng } from '@entdb/base';
import { loadCatalog, verifyTenant } from '@entdb/snapshot';
import { scratchFolder, startProgram, until, type Program } from '@entdb/testkit';
import { workAt } from '../work.ts';
import type { OpenPlace, Place } from './place.ts';
import { steps } from './steps.ts';
import { archivesIn, keysOf } from './world.ts';

const program = fileURLToPath(new URL('../main.ts', import.meta.url));
const doomed = fileURLToPath(new URL('./doomed.ts', import.meta.url));
const tenantId = 'tenant-0';
const dayMs = 86_400_000;

/** Real kills of the real program, each at a step of its work: nothing half-done is ever seen, and the next run completes all of it. */
export function describeSteps(name: string, openPlace: OpenPlace): void {
  describe(`killed on ${name}`, () => {
    it.each(steps)(
      '%s',
      async (step) => {
        const folder = scratchFolder('snapshotter-steps');
        const place = await openPlace(folder.path);
        const started: Program[] = [];
        const start = (file: string, env: Readonly<Record<string, string>> = {}): Program => {
          const running = startProgram({
            program: file,
            env: { ...envOf(folder.path, place), ...env },
          });
          started.push(running);
          return running;
        };
        try {
          await prepare(place, folder.path);
          const dying = start(doomed, { ENTDB_DOOM_STEP: step });
          expect(await dying.exited).toBe('SIGKILL');
          await assertSound(place);
          // A lease ends after ten minutes by itself; nobody waits for that here.
          await place.store.remove(await keysOf(place.store, 'leases/'));

          const next = start(program);
          await next.ready();
          const isDone = async () => (await objects(place)).join() === wanted.join();
          await until(isDone);
          expect(await next.end('SIGTERM')).toBe(0);
          await assertSound(place);
          expect(readdirSync(join(folder.path, 'snapshotter')).filter(isOdd)).toEqual([]);
          expect(await keysOf(place.store, 'leases/')).toEqual([]);
          expect(await isRestorable(place)).toBe(true);
        } finally {
          for (const one of started) await one.end('SIGKILL');
          await place.store.close();
          folder.remove();
        }
      },
      300_000,
    );
  });
}

const envOf = (dir: string, { env }: Place) => ({
  ENTDB_DATA_DIR: dir,
  ENTDB_INSTANCE: 'snapshotter-0',
  ENTDB_SNAPSHOT_POLL: '20ms',
  ...env,
});
const isOdd = (entry: string) => entry !== tenantId && !entry.startsWith('lock.db');

/** Segments and snapshots of 200 and 150 days ago, and segments of yesterday that are in no snapshot; no working copy. */
async function prepare({ store }: Place, dir: string): Promise<void> {
  const work = workAt({
    store,
    clock: realClock,
    rng: realRng,
    signal: new AbortController().signal,
  });
  const archives = archivesIn(store);
  for (const days of [200, 150]) {
    for (let n = 0; n < 2; n += 1)
      await archives.grow(tenantId, 10, Date.now() - days * dayMs + n * 60_000);
    await work.makeSnapshot({ tenantId, cacheDir: join(dir, 'before'), published: new Map() });
  }
  for (let n = 0; n < 3; n += 1) await archives.grow(tenantId, 10, Date.now() - dayMs + n * 60_000);
}

/** What is there in the end: the snapshots at 40, which is the base of retention, and at 70, and the segments after 40. */
const wanted = ['snapshot 40', 'snapshot 70', 'segment 41', 'segment 51', 'segment 61'];

async function objects({ store }: Place): Promise<readonly string[]> {
  const { history, incomplete } = await loadCatalog(store, tenantId);
  return [
    ...history.snapshots.map(({ sequence }) => `snapshot ${sequence}`),
    ...incomplete.map((id) => `incomplete ${id}`),
    ...history.segments.map(({ firstSequence }) => `segment ${firstSequence}`),
  ];
}

async function verify({ store }: Place, level: 'checksums' | 'restore') {
  return verifyTenant({ store, clock: realClock, rng: realRng, tenantId, level });
}

const isRestorable = async (place: Place): Promise<boolean> => (await verify(place, 'restore')).ok;

/** Whatever is listed as a snapshot is one, and the chain after the oldest is whole. */
async function assertSound(place: Place): Promise<void> {
  const { history } = await loadCatalog(place.store, tenantId);
  expect(history.damaged).toEqual([]);
  const { ok, findings } = await verify(place, 'checksums');
  expect({ ok, findings }).toEqual({ ok: true, findings: [] });
}
