import { assertNodeVersion } from '@entdb/base';
import { runJob } from './run-job.ts';

assertNodeVersion();

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));

process.exitCode = await runJob(process.env, stopping.signal);
