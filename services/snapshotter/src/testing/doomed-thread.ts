/** A thread of a process that is to die: as work-thread.ts, on a store on the way to which it ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { invariant, realClock, realRng } from '@entdb/base';
import type { ObjectStoreSettings } from '@entdb/config';
import { objectStoreOf } from '@entdb/fleet';
import { serveWork } from '../serve-work.ts';
import { doomOf, endOf } from './doom.ts';
import { doomedStore } from './steps.ts';

const settings = workerData as ObjectStoreSettings; // given by the pool that started this thread
invariant(parentPort, 'runs as a worker thread');
serveWork(parentPort, () =>
  doomedStore(
    objectStoreOf(settings, { clock: realClock, rng: realRng }),
    doomOf(process.env),
    endOf(process.env),
  ),
);
