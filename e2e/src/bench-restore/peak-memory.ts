import { writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { peakBytesOf } from './peak-bytes.ts';

/** Preloaded into a program that is measured: at its end it tells, on descriptor 3, the most memory that it ever had. */
if (isMainThread)
  process.on('exit', () => {
    writeSync(3, String(peakBytesOf('self')));
  });
