/**
 * Method: while a restore runs, its working folder is copied at every step and after every batch: each copy is what a killed process would have left. A second run
 * on each copy must complete, use what is there, and leave nothing beside the result.
 */
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMemoryStore, type ObjectFault, type ObjectOperation } from '@entdb/object-store';
import { restoreTenant, type RestoreRequest } from './restore.ts';
import { makeSnapshot } from './snapshot.ts';
import type { RestoreTarget } from './target.ts';
import { randomLog, tenantId } from './testing/records.ts';
import { archive, rng, rowsOf, scratchFolder, testClock, truthOf } from './testing/world.ts';

const log = randomLog(60, 11);
const truth = truthOf(log);
const clock = testClock();
const folder = scratchFolder();
afterAll(() => folder.remove());

let opened: string[] = [];
let fault: (operation: ObjectOperation) => ObjectFault | undefined = () => undefined;
const store = createMemoryStore({
  faults: (operation) => {
    if (operation.name === 'open') opened.push(operation.key);
    return fault(operation);
  },
});
beforeAll(async () => {
  const first = await archive(store, log.slice(0, 20), () => 10);
  await makeSnapshot({ store, tenantId, cacheDir: join(folder.path, 'cache') });
  await archive(store, log.slice(20), () => 8, first.at(-1));
});
beforeEach(() => {
  opened = [];
  fault = () => undefined;
});

const target: RestoreTarget = { kind: 'sequence', sequence: 57, inclusive: true };
const into = (name: string, more: Partial<RestoreRequest> = {}): RestoreRequest => ({
  store,
  clock,
  rng,
  tenantId,
  target,
  outputDir: join(folder.path, name),
  ...more,
});

function expectWhole(name: string): void {
  const dir = join(folder.path, name);
  expect(readdirSync(dir)).toEqual([tenantId]);
  expect(readdirSync(join(dir, tenantId)).sort()).toEqual([
    'canonical.db',
    'mailbox.db',
    'report.json',
  ]);
  expect(rowsOf(join(dir, tenantId))).toBe(truth.rows[57]);
}

it.each(['best', 'scratch'] as const)(
  'goes on from wherever it was killed (%s)',
  async (kind) => {
    const images: string[] = [];
    const name = `killed-${kind}`;
    await restoreTenant(
      into(name, {
        from: { kind },
        onProgress: ({ step, state, at }) => {
          const image = `${name}-${images.length}-${step}-${state}-${at.sequence}`.replace(
            ' ',
            '-',
          );
          cpSync(join(folder.path, name), join(folder.path, image), { recursive: true });
          images.push(image);
        },
      }),
    );
    expectWhole(name);
    expect(images.length).toBeGreaterThan(8);
    for (const image of images) {
      opened = [];
      await restoreTenant(into(image, { from: { kind } }));
      expectWhole(image);
      const fetchedBase = opened.some((key) => key.endsWith('canonical.db'));
      expect([image, fetchedBase]).toEqual([
        image,
        kind === 'best' && image.includes('base-begun'),
      ]);
    }
  },
  120_000,
);

it('is told as done where it was killed after its last rename', async () => {
  const name = 'published';
  const report = await restoreTenant(into(name));
  const dir = join(folder.path, name);
  const left = join(dir, `.restore-${tenantId}`);
  const leave = (): void => {
    mkdirSync(left, { recursive: true });
    writeFileSync(join(left, 'published'), '');
    writeFileSync(join(left, 'plan.json'), '{}');
  };
  leave();
  opened = [];
  expect(await restoreTenant(into(name))).toEqual(report);
  expect(opened).toEqual([]);
  expect(readdirSync(dir)).toEqual([tenantId]);
  leave();
  const other = { target: { kind: 'sequence', sequence: 56, inclusive: true } } as const;
  await expect(restoreTenant(into(name, other))).rejects.toMatchObject({
    code: 'OUTPUT_NOT_EMPTY',
  });
  expect(readdirSync(dir)).toEqual([tenantId]);
  // Of a replacement that was cut off before its renames, and begun again for another target.
  leave();
  mkdirSync(join(left, 'work'));
  const stop = new AbortController();
  stop.abort(new Error('the test stops it'));
  await expect(
    restoreTenant(into(name, { ...other, force: true, signal: stop.signal })),
  ).rejects.toThrow('the test stops it');
  rmSync(join(left, 'work'), { recursive: true, force: true });
  await expect(restoreTenant(into(name))).rejects.toMatchObject({ code: 'OUTPUT_NOT_EMPTY' });
  leave();
  await restoreTenant(into(name, { force: true }));
  expect(opened.length).toBeGreaterThan(0);
  expectWhole(name);
});

it('does not use the work of another base, or work that has passed the target', async () => {
  const stop = new AbortController();
  const name = 'other-target';
  const aborted = restoreTenant(
    into(name, {
      signal: stop.signal,
      onProgress: ({ step, at }) => {
        if (step === 'segments' && at.sequence > 40) stop.abort(new Error('the test stops it'));
      },
    }),
  );
  await expect(aborted).rejects.toThrow('the test stops it');
  expect(readdirSync(join(folder.path, name))).toEqual([`.restore-${tenantId}`]);
  const report = await restoreTenant(
    into(name, { target: { kind: 'sequence', sequence: 25, inclusive: true } }),
  );
  expect(report.digests).toEqual(truth.digests[25]);
  expect(readdirSync(join(folder.path, name))).toEqual([tenantId]);
});

it('keeps its work when the store goes away, and goes on when it is back', async () => {
  const last = [...(await archiveKeys())].at(-1)!;
  fault = ({ name, key }) =>
    name === 'open' && key === last ? { kind: 'unavailable' } : undefined;
  await expect(restoreTenant(into('away'))).rejects.toMatchObject({
    code: 'OBJECT_STORE_UNAVAILABLE',
  });
  expect(readdirSync(join(folder.path, 'away'))).toEqual([`.restore-${tenantId}`]);
  fault = () => undefined;
  opened = [];
  await restoreTenant(into('away'));
  expectWhole('away');
  expect(opened.filter((key) => key.endsWith('.gz'))).toEqual([last]);
});

it('lets one restore at a time into a place', async () => {
  let second: Promise<unknown> | undefined;
  await restoreTenant(
    into('twice', {
      onProgress: () => {
        second ??= restoreTenant(into('twice')).catch((error: unknown) => error);
      },
    }),
  );
  expect(await second).toMatchObject({ code: 'OUTPUT_IN_USE' });
  expectWhole('twice');
});

async function archiveKeys(): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list({ prefix: 'archive/' }))
    if (key.endsWith('.gz')) keys.push(key);
  return keys;
}
