import { runService } from '@entdb/service-kit';
import { applierSettings } from './config.ts';
import { startApplier } from './start.ts';

await runService({
  name: 'applier',
  settings: applierSettings,
  env: process.env,
  start: startApplier,
});
