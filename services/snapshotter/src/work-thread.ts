import { parentPort, workerData } from 'node:worker_threads';
import { invariant, realClock, realRng } from '@entdb/base';
import type { ObjectStoreSettings } from '@entdb/config';
import { objectStoreOf } from '@entdb/fleet';
import { serveWork } from './serve-work.ts';

/** A thread on which snapshots are made. */
const settings = workerData as ObjectStoreSettings; // given by the pool that started this thread
invariant(parentPort, 'runs as a worker thread');
serveWork(parentPort, () => objectStoreOf(settings, { clock: realClock, rng: realRng }));
