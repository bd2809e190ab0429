import { parentPort, workerData } from 'node:worker_threads';
import { EntError, invariant } from '@entdb/base';
import { assertSamePartitions, assertTopicSpec, topicMissing } from '../topic-errors.ts';
import type { TopicSpec } from '../wal.ts';
import { nameFault } from './sqlite-faults.ts';
import { createTopic, openTopic, readSettings, topicExists } from './topic-file.ts';
import { createTopicWriter, type PackedBatch, type TopicWriter } from './topic-writer.ts';
import { serveCalls } from '@entdb/threads';

export interface WriterSettings {
  readonly directory: string;
  readonly retentionEveryMs: number;
}

export interface WriterMethods {
  append(params: PackedBatch & { readonly topic: string }): number;
  createTopics(specs: readonly TopicSpec[]): readonly string[];
  truncateBefore(params: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
  }): void;
  setMark(params: {
    readonly topic: string;
    readonly partition: number;
    readonly group: string;
    readonly offset: number;
  }): void;
}

/** One batch of one lane, waiting for the commit that takes it. */
interface Waiting {
  readonly batch: PackedBatch;
  readonly resolve: (baseOffset: number) => void;
  readonly reject: (error: unknown) => void;
}

invariant(parentPort, 'writer-worker runs in a worker thread');
// Given by createEmbeddedWal.
const { directory, retentionEveryMs } = workerData as WriterSettings;
const writers = new Map<string, TopicWriter>();
const queues = new Map<string, Waiting[]>();

function writerOf(topic: string): TopicWriter {
  const open = writers.get(topic);
  if (open) return open;
  if (!topicExists(directory, topic)) throw topicMissing(topic);
  const writer = createTopicWriter({ directory, topic, retentionEveryMs });
  writers.set(topic, writer);
  return writer;
}

/** After a fault the handle is not trusted any more: the next use opens the file anew, and SQLite recovers it. */
function discard(topic: string): void {
  const writer = writers.get(topic);
  writers.delete(topic);
  try {
    writer?.close();
  } catch {
    // It is discarded because it failed; the fault that counts is on its way to the caller.
  }
}

function onTopic<T>(topic: string, work: (writer: TopicWriter) => T): T {
  try {
    return work(writerOf(topic));
  } catch (error) {
    discard(topic);
    throw nameFault(error, topic);
  }
}

/** One transaction, one fsync, for all that the lanes of this process have waiting. */
function commit(topic: string): void {
  const waiting = queues.get(topic) ?? [];
  queues.delete(topic);
  try {
    const offsets = onTopic(topic, (writer) => writer.append(waiting.map(({ batch }) => batch)));
    waiting.forEach(({ resolve }, index) => resolve(offsets[index] ?? -1));
  } catch (error) {
    waiting.forEach(({ reject }) => reject(error));
    return;
  }
  try {
    onTopic(topic, (writer) => writer.retain());
  } catch (error) {
    // What was appended stays appended. A fault of the file comes back with the next append; a fault of ours must not hide.
    if (!(error instanceof EntError)) throw error;
  }
}

function enqueue(topic: string, waiting: Waiting): void {
  const queue = queues.get(topic);
  if (queue) {
    queue.push(waiting);
    return;
  }
  queues.set(topic, [waiting]);
  setImmediate(() => commit(topic)); // once all messages that are here have been taken in
}

function createOne(spec: TopicSpec): boolean {
  try {
    if (!topicExists(directory, spec.name) && createTopic(directory, spec)) return true;
    const db = openTopic(directory, spec.name);
    try {
      assertSamePartitions(spec, readSettings(db).partitions);
    } finally {
      db.close();
    }
    return false;
  } catch (error) {
    throw nameFault(error, spec.name);
  }
}

serveCalls<WriterMethods>(
  parentPort,
  {
    append: ({ topic, ...batch }) =>
      new Promise((resolve, reject) => {
        enqueue(topic, { batch, resolve, reject });
      }),
    createTopics: async (specs) => {
      specs.forEach(assertTopicSpec);
      return specs.filter(createOne).map((spec) => spec.name);
    },
    truncateBefore: async ({ topic, partition, offset }) =>
      onTopic(topic, (writer) => writer.truncateBefore(partition, offset)),
    setMark: async ({ topic, partition, group, offset }) =>
      onTopic(topic, (writer) => writer.setMark(partition, group, offset)),
  },
  () => [...writers.keys()].forEach(discard),
);
