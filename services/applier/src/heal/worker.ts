import { parentPort, workerData } from 'node:worker_threads';
import { invariant, realClock, realRng } from '@entdb/base';
import { objectStoreOf } from '@entdb/fleet';
import { createLogger } from '@entdb/telemetry';
import { serveCalls } from '@entdb/threads';
import { healFolders } from './folders.ts';
import { healerMethods } from './methods.ts';
import type { HealerData, HealerMethods } from './protocol.ts';

/** The healer thread: unpacking and replaying an archive must hold up neither reads nor the records of other tenants. */
const data = workerData as HealerData; // given by the thread that started this one
invariant(parentPort, 'the healer runs as a worker thread');
const logger = createLogger({
  service: 'applier',
  instance: data.instance,
  level: data.logLevel,
}).child({ thread: 'healer' });
const ports = { clock: realClock, rng: realRng };
const ended = new AbortController();
const store = objectStoreOf(data.store, ports);

serveCalls<HealerMethods>(
  parentPort,
  healerMethods({
    ...ports,
    store,
    dir: data.dir,
    folders: healFolders(data.dir),
    logger,
    signal: ended.signal,
  }),
  () => {
    ended.abort(new Error('the applier is stopping'));
    void store.close();
  },
);
