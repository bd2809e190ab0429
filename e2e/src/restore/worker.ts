/** Restores one share of the targets, and tells its parent what became of each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { archiverGroup, walTopic } from '@entdb/wal';
import { openStoreAt, type StoreSettings } from '../parts/store-place.ts';
import { openLog, type Truth } from './build.ts';
import { compareTask } from './compare.ts';
import type { Task } from './targets.ts';

export interface WorkerInput {
  readonly place: StoreSettings;
  readonly archivedOffset: number;
  readonly log: readonly {
    readonly offset: number;
    readonly timeMs: number;
    readonly value: string;
  }[];
  readonly truths: readonly Truth[];
  readonly tasks: readonly Task[];
  readonly scratchDir: string;
  readonly millisecondsMax?: number;
}

const input = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as WorkerInput; // written by the parent
const log = input.log.map(({ value, ...at }) => ({ ...at, value: Buffer.from(value, 'base64') }));
const { wal, partition } = await openLog(log, input.archivedOffset);
const store = openStoreAt(input.place);
const places = {
  store,
  wal,
  logOf: () => ({ wal, topic: walTopic, partition, archiverGroup }),
  assertTopicsSafe: async () => {},
  close: async () => {},
};
for (const task of input.tasks) {
  if (performance.now() > (input.millisecondsMax ?? Infinity)) break;
  process.send?.(await compareTask(task, input.truths, places, join(input.scratchDir, 'out')));
}
await wal.close();
await store.close();
process.disconnect();
