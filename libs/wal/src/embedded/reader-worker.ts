import { accessSync, constants } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { EntError, invariant } from '@entdb/base';
import { describeSingleCopy, topicMissing } from '../topic-errors.ts';
import type { LogBounds, TopicDescription } from '../wal.ts';
import { nameFault } from './sqlite-faults.ts';
import { topicExists } from './topic-file.ts';
import type { PackedSlice } from './topic-reader.ts';
import { createTopicTail, type ReadRequest, type TopicTail } from './topic-tail.ts';
import { Handover, serveCalls } from '@entdb/threads';

export interface ReaderSettings {
  readonly directory: string;
}

interface PartitionName {
  readonly topic: string;
  readonly partition: number;
}

export interface ReaderMethods {
  bounds(params: PartitionName): LogBounds;
  offsetForTime(params: PartitionName & { readonly timeMs: number }): number;
  committed(params: PartitionName & { readonly group: string }): number | undefined;
  describe(topic: string): TopicDescription | undefined;
  read(params: ReadRequest & { readonly topic: string }): PackedSlice;
  stopRead(params: { readonly topic: string; readonly ticket: number }): void;
  ping(): void;
}

invariant(parentPort, 'reader-worker runs in a worker thread');
// Given by createEmbeddedWal.
const { directory } = workerData as ReaderSettings;
const tails = new Map<string, TopicTail>();

function tailOf(topic: string): TopicTail {
  const open = tails.get(topic);
  if (open) return open;
  if (!topicExists(directory, topic)) throw topicMissing(topic);
  const tail = createTopicTail(directory, topic, (error) => discard(topic, error));
  tails.set(topic, tail);
  return tail;
}

/** After a fault the handle is not trusted any more: the next use opens the file anew. */
function discard(topic: string, reason: unknown): void {
  const tail = tails.get(topic);
  tails.delete(topic);
  tail?.close(nameFault(reason, topic));
}

async function onTopic<T>(topic: string, work: (tail: TopicTail) => T | Promise<T>): Promise<T> {
  try {
    return await work(tailOf(topic));
  } catch (error) {
    // A refusal (no such partition) says nothing about the file.
    if (!(error instanceof EntError)) discard(topic, error);
    throw nameFault(error, topic);
  }
}

serveCalls<ReaderMethods>(
  parentPort,
  {
    bounds: ({ topic, partition }) => onTopic(topic, ({ reader }) => reader.bounds(partition)),
    offsetForTime: ({ topic, partition, timeMs }) =>
      onTopic(topic, ({ reader }) => reader.offsetForTime(partition, timeMs)),
    committed: ({ topic, partition, group }) =>
      onTopic(topic, ({ reader }) => reader.committed(partition, group)),
    describe: async (topic) =>
      topicExists(directory, topic)
        ? onTopic(topic, ({ reader }) => describeSingleCopy(reader.settings))
        : undefined,
    read: async ({ topic, ...request }) => {
      const slice = await onTopic(topic, (tail) => tail.read(request));
      const { offsets, timesMs, records } = slice;
      return new Handover(slice, [
        offsets.buffer,
        timesMs.buffer,
        records.lengths.buffer,
        records.values.buffer,
      ]);
    },
    stopRead: async ({ topic, ticket }) => tails.get(topic)?.stop(ticket),
    ping: async () => {
      try {
        accessSync(directory, constants.R_OK | constants.W_OK);
      } catch (error) {
        throw new EntError('LOG_UNAVAILABLE', `the log directory ${directory} cannot be used`, {
          cause: error,
        });
      }
    },
  },
  () =>
    [...tails.keys()].forEach((topic) =>
      discard(topic, new EntError('SHUTTING_DOWN', 'the log was closed')),
    ),
);
