/**
 * The snapshotter as a process that kills itself, by SIGKILL, at a step of its work: ENTDB_DOOM_STEP, the ENTDB_DOOM_NTH time. Everything else is the program itself.
 * `--steps` lists the steps as JSON.
 */
import { mkdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { runService } from '@entdb/service-kit';
import { snapshotterSettings } from '../config.ts';
import { startSnapshotter } from '../start.ts';
import { doomOf } from './doom.ts';
import { steps } from './steps.ts';

if (process.argv.includes('--steps')) {
  process.stdout.write(`${JSON.stringify(steps)}\n`);
} else {
  const doom = doomOf(process.env);
  await runService({
    name: 'snapshotter',
    settings: snapshotterSettings,
    env: process.env,
    start: (context) => {
      const { settings } = context;
      const cacheDir = settings.cacheDir ?? join(settings.dataDir, 'snapshotter');
      mkdirSync(cacheDir, { recursive: true });
      let copies = 0;
      // The copy is made inside one call of SQLite: what is seen of it from outside is its folder.
      watch(cacheDir, (_, name) => {
        if (doom.step !== 'while the copy is made' || !name?.startsWith('.draft-')) return;
        if ((copies += 1) >= doom.nth) process.kill(process.pid, 'SIGKILL');
      });
      return startSnapshotter(context, new URL('./doomed-thread.ts', import.meta.url));
    },
  });
}
