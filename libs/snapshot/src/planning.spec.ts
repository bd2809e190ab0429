/**
 * Method: one archive, cut in many ways, with snapshots here and there. What is planned from the part that lies on the way must be what is planned from everything, for every target,
 * and must not cost the whole history.
 */
import { checksumNameOf } from '@entdb/archive-format';
import { createMemoryStore } from '@entdb/object-store';
import { planFor, planShortest, type PlanRequest } from './planning.ts';
import { makeSnapshot } from './snapshot.ts';
import type { RestoreTarget } from './target.ts';
import { randomLog, tenantId } from './testing/records.ts';
import { allObjects, archive, scratchFolder, testClock, truthOf } from './testing/world.ts';

const log = randomLog(120, 17);
const truth = truthOf(log);
const clock = testClock();
const folder = scratchFolder();
afterAll(() => folder.remove());

let read: string[] = [];
const store = createMemoryStore({
  faults: ({ name, key }) => {
    if (name === 'open') read.push(key);
    return undefined;
  },
});
beforeAll(async () => {
  let last;
  for (let at = 0; at < 120; at += 30) {
    last = (await archive(store, log.slice(at, at + 30), () => 3, last)).at(-1);
    if (at < 90) await makeSnapshot({ store, tenantId, cacheDir: `${folder.path}/cache` });
  }
});
beforeEach(() => {
  read = [];
});

const request = (target: RestoreTarget): PlanRequest => ({ store, clock, tenantId, target });

function* targets(): Generator<RestoreTarget> {
  yield { kind: 'latest' };
  for (const { sequence, offset, timeMs } of truth.points.slice(1, 125)) {
    const inclusive = sequence % 2 === 0;
    yield { kind: 'sequence', sequence, inclusive };
    yield { kind: 'position', offset, inclusive };
    yield { kind: 'time', timeMs, inclusive };
  }
  yield { kind: 'sequence', sequence: 121, inclusive: true };
  yield { kind: 'time', timeMs: 0, inclusive: true };
}

it('from the way alone is as from everything', async () => {
  for (const target of targets()) {
    const [short, whole] = [
      await planShortest(request(target), []),
      await planFor(request(target)),
    ];
    // The way alone knows of no windows and gaps beside it.
    const plain = ({ planning }: typeof whole): unknown =>
      planning.kind === 'plan' ? { ...planning.plan, windows: [], gaps: [] } : planning;
    expect([target, plain(short)]).toEqual([target, plain(whole)]);
  }
}, 60_000);

it('leads around what was found damaged meanwhile', async () => {
  const { planning } = await planShortest(request({ kind: 'latest' }), []);
  if (planning.kind !== 'plan' || planning.plan.base.kind !== 'snapshot')
    throw new Error('no plan');
  const { id } = planning.plan.base;
  const next = await planShortest(request({ kind: 'latest' }), [
    { object: id, code: 'SNAPSHOT_CORRUPT', reason: 'the test says so' },
  ]);
  expect(next.planning).toMatchObject({ plan: { base: { at: { sequence: 60 } } } });
});

it('reads one manifest, and the checksums from there on', async () => {
  await planShortest(request({ kind: 'latest' }), []);
  expect(read.filter((key) => key.startsWith('snapshots/'))).toHaveLength(1);
  expect(read.filter((key) => key.startsWith('archive/'))).toHaveLength(10);
  read = [];
  await planFor(request({ kind: 'latest' }));
  expect(read).toHaveLength(3 + 40);
});

it('reads no further than a wanted record, but for the last checksum', async () => {
  await planShortest(request({ kind: 'sequence', sequence: 35, inclusive: true }), []);
  const checksums = read.filter((key) => key.startsWith('archive/'));
  expect(checksums).toHaveLength(2 + 1 + 1);
});

it('says of a refusal what the whole archive has to say', async () => {
  const lost = (await allObjects(store)).filter((key) => /_0{18}(61|64)\.(jsonl|chec)/.test(key));
  const torn = createMemoryStore();
  for (const key of await allObjects(store))
    if (!lost.includes(key)) await torn.create(key, await store.read(key));
  for (const sequence of [62, 65, 70, 89]) {
    const at = { ...request({ kind: 'sequence', sequence, inclusive: true }), store: torn };
    const [short, whole] = [await planShortest(at, []), await planFor(at)];
    expect(short.planning).toEqual(whole.planning);
    expect(whole.planning.kind).toBe('refused');
  }
  expect(lost).toContain(checksumNameOf(lost.find((key) => key.endsWith('.gz'))!));
});
