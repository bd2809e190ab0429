import { runService } from '@entdb/service-kit';
import { snapshotterSettings } from './config.ts';
import { startSnapshotter } from './start.ts';

await runService({
  name: 'snapshotter',
  settings: snapshotterSettings,
  env: process.env,
  start: startSnapshotter,
});
