/** Changes its share of the bytes, one after another, and tells its parent what the tools made of it. */
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { seeded, type Seeded } from '../parts/seeded.ts';
import { startStorePlace } from '../parts/store-place.ts';
import { makeFixture } from './fixture.ts';
import { openFlipper } from './flip.ts';
import { tryRestore, tryVerify, type Verdict } from './judge.ts';

export interface WorkerInput {
  readonly dir: string;
  readonly s3: boolean;
  readonly seed: number;
  readonly worker: number;
  readonly workers: number;
  /** Of so many changes one is made. */
  readonly oneOf: number;
  /** Of so many bytes of a file of SQLite one is changed. */
  readonly fileBytesOneOf: number;
}

/** What became of one change. */
export interface Flip {
  readonly object: string;
  readonly bytes: number;
  readonly at: number;
  readonly mask: number;
  /** Absent where only verify was asked. */
  readonly restore?: Verdict;
  readonly verify: Verdict;
}

/** Of the bytes of a file of SQLite. Restore and verify compare the same hash; a restore takes longer to begin. */
const restoresOneOf = 16;

const input = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as WorkerInput; // written by the parent
const { dir, s3, seed, worker, workers, oneOf, fileBytesOneOf } = input;
mkdirSync(dir, { recursive: true });
const place = await startStorePlace(dir, s3);
const store = place.open();
const { objects, digest } = await makeFixture(store, dir, seed);
const outputDir = join(dir, 'out');
let changes = 0;
for (const object of objects) {
  const { name, key } = object;
  // Without damage the tool gives it out, or refuses an erased tenant for what it is.
  const sound = await tryRestore(store, object, outputDir);
  const isSound =
    object.restore === 'before the erasure'
      ? sound.kind === 'detected' && sound.code === 'TENANT_ERASED'
      : sound.kind === 'restored' && sound.digest === digest;
  if (!isSound) throw new Error(`${name} is not sound: ${JSON.stringify(sound)}`);
  if ((await tryVerify(store, object)).kind !== 'restored') throw new Error(`${name}: not sound`);
  const path = place.fileOf(key);
  const bytes = statSync(path).size;
  const flipper = openFlipper(path);
  const random = seeded(seed + worker);
  for (let at = 0; at < bytes; at += key.endsWith('.db') ? fileBytesOneOf : 1)
    for (const mask of masksOf(key, random)) {
      changes += 1;
      if (changes % (workers * oneOf) !== worker) continue;
      await flipper.changed(at, mask, async () => {
        const verify = await tryVerify(store, object);
        const isAsked = !key.endsWith('.db') || at % restoresOneOf === 0;
        const restore = isAsked && { restore: await tryRestore(store, object, outputDir) };
        process.send?.({ object: name, bytes, at, mask, verify, ...restore } satisfies Flip);
      });
    }
  flipper.close();
}
await store.close();
await place.stop();
process.disconnect();

/** What a byte is xored with. A hash of all bytes sees one change as it sees another; the parser of a document might not. */
function masksOf(key: string, random: Seeded): readonly number[] {
  if (key.endsWith('.db')) return [random.between(1, 256)];
  if (key.endsWith('.gz')) return [1, 16, 255];
  return [1, 2, 4, 8, 16, 32, 64, 128, 255];
}
