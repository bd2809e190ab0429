/** Through a log and an applier that does what appliers do: preview, order, undo, retry, refusal, silence. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { realClock, realRng, type Clock } from '@entdb/base';
import type { RestoreTarget } from '@entdb/snapshot';
import { diffTenants } from '@entdb/tenant-store';
import { restoreInPlace, undoWords, type InPlaceReport } from './in-place.ts';
import { previewInPlace, type InPlacePreview, type InPlaceRequest } from './preview.ts';
import { createWorld, tenantId, type World } from './testing/world.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
  for (let n = 1; n <= 9; n += 1) await world.write(n);
});
afterEach(() => world.close());

const record = (sequence: number): RestoreTarget => ({
  kind: 'sequence',
  sequence,
  inclusive: true,
});
const requestOf = (target: RestoreTarget): InPlaceRequest => {
  const workDir = join(world.dir, 'work');
  mkdirSync(workDir, { recursive: true });
  const { places } = world;
  return { places, clock: realClock, rng: realRng, tenantId, target, workDir, sample: 3 };
};
const preview = (target: RestoreTarget): Promise<InPlacePreview> =>
  previewInPlace(requestOf(target));

interface Extra {
  readonly expectedEpoch?: number;
  readonly clock?: Clock;
  readonly before?: () => Promise<void>;
}
const restore = async (
  target: RestoreTarget,
  key: string,
  { before, ...rest }: Extra = {},
): Promise<InPlaceReport> => {
  const request = requestOf(target);
  const found = await previewInPlace(request);
  await before?.();
  return restoreInPlace({ ...request, key, waitMs: 60_000, ...rest }, found);
};
/** The number of rows that differ. */
const differences = (before: string, after: string): number => {
  const { nodes, edges, items } = diffTenants({ tenantId, before, after, sample: 0 });
  return [nodes, edges, items].reduce(
    (sum, kind) => sum + kind.added + kind.removed + kind.changed,
    0,
  );
};

it('says what would change, what would be undone, and changes nothing', async () => {
  const before = await world.facts();
  expect(await preview(record(4))).toMatchObject({
    target: { sequence: 4, offset: 3 },
    now: { sequence: 9, offset: 8 },
    epoch: 1,
    undone: {
      records: 5,
      first: { sequence: 5, offset: 4, key: 'key-5' },
      last: { offset: 8 },
      keys: ['key-5', 'key-6', 'key-7'],
    },
    changes: {
      nodes: { added: 0, removed: 5, types: [{ type: 1, removed: { ids: ['n5', 'n6', 'n7'] } }] },
    },
  });
  expect(await world.facts()).toEqual(before);
  expect(readdirSync(join(world.dir, 'work'))).toEqual([]);
  expect(existsSync(join(world.dir, 'objects/restores'))).toBe(false);
});

it('makes the tenant again what it was, in a new epoch, and is undone by what it says', async () => {
  const was = await world.filesNow('was');
  const report = await restore(record(4), 'restore-1');
  expect(report).toMatchObject({
    epoch: 2,
    position: { offset: 9 },
    restored: { sequence: 4 },
    records: 10,
    undoneUnseen: 0,
    objectPrefix: `restores/${tenantId}/00000000000000000004/`,
  });
  expect(await world.facts()).toMatchObject({ position: { sequence: 10, epoch: 2 } });
  expect(differences(was, await world.filesNow('then'))).toBe(5);
  expect(readdirSync(join(world.dir, 'objects', report.objectPrefix)).toSorted()).toEqual([
    'canonical.db',
    'mailbox.db',
    'manifest.json',
  ]);
  expect(undoWords(report)).toContain('--target-position 9 --exclusive');

  const undone = await restore({ kind: 'position', offset: 9, inclusive: false }, 'restore-2');
  expect(undone).toMatchObject({ epoch: 3, restored: { sequence: 9 }, records: 11 });
  expect(differences(was, await world.filesNow('undone'))).toBe(0);
});

it('is done once for one key, and gives the first verdict again', async () => {
  const first = await restore(record(4), 'the-key');
  const again = await restore(record(4), 'the-key');
  expect(again).toMatchObject({ epoch: 2, position: first.position, records: null });
  expect(await world.facts()).toMatchObject({ position: { epoch: 2, sequence: 11 } });
});

it('counts what was written after the preview: that is undone, too', async () => {
  const report = await restore(record(4), 'k', { before: () => world.write(10) });
  expect(report).toMatchObject({ records: 11, undoneUnseen: 1, position: { offset: 10 } });
});

it('is rejected where somebody else came first', async () => {
  await restore(record(4), 'one');
  await expect(restore(record(3), 'two', { expectedEpoch: 1 })).rejects.toMatchObject({
    code: 'PRECONDITION_FAILED',
    facts: { tenantId, position: { offset: 10 } },
  });
  expect(await world.facts()).toMatchObject({ position: { epoch: 2 } });
});

it.each<[string, RestoreTarget]>([
  ['the latest record', { kind: 'latest' }],
  ['the record where it stands', record(9)],
])('refuses %s', async (_name, target) => {
  await expect(preview(target)).rejects.toMatchObject({ code: 'INVALID_TARGET' });
  expect(readdirSync(join(world.dir, 'work'))).toEqual([]);
});

it('without the log is refused', async () => {
  const request = requestOf(record(4));
  const places = { ...request.places, logOf: () => undefined };
  await expect(previewInPlace({ ...request, places })).rejects.toMatchObject({
    code: 'LOG_UNAVAILABLE',
  });
});

it('says how to go on where nobody tells the verdict, though it was done', async () => {
  world.mute();
  // The time for the verdict is over as soon as the applier has done it; other waits are as long as they are.
  const late: Clock = {
    ...realClock,
    sleep: (ms, signal) =>
      ms === 60_000 ? world.facts().then(() => undefined) : realClock.sleep(ms, signal),
  };
  await expect(restore(record(4), 'slow', { clock: late })).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    facts: { position: { offset: 9 }, hint: expect.stringContaining('--key slow') },
  });
  expect(await world.facts()).toMatchObject({ position: { epoch: 2 } });
});
