import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '@entdb/base';
import { createLogger } from '@entdb/telemetry';
import { openShard, openTenantWriter } from '@entdb/tenant-store';
import { serveCalls } from '@entdb/threads';
import { createCheckpoints } from './checkpoints.ts';
import { writerMethods } from './methods.ts';
import type { WriterData, WriterMethods } from './protocol.ts';

/** The writer thread: the only writer of this volume's files. SQLite blocks here and nowhere else. */
const data = workerData as WriterData; // given by the thread that started this one
invariant(parentPort, 'the writer runs as a worker thread');
const logger = createLogger({
  service: 'applier',
  instance: data.instance,
  level: data.logLevel,
}).child({ thread: 'writer' });
const checkpoints = createCheckpoints(openTenantWriter);
const shard = openShard({ ...data, logger, openWriter: checkpoints.openWriter });

serveCalls<WriterMethods>(parentPort, writerMethods(shard, data.owned, checkpoints), () =>
  shard.close(),
);
