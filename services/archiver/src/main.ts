import { runService } from '@entdb/service-kit';
import { archiverSettings } from './config.ts';
import { startArchiver } from './start.ts';

await runService({
  name: 'archiver',
  settings: archiverSettings,
  env: process.env,
  start: startArchiver,
});
