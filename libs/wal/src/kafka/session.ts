import type { Logger } from '@entdb/base';
import type { Batch, Consumer, EachBatchPayload } from 'kafkajs';
import type { ConsumeOptions, LogRecord } from '../wal.ts';
import type { KafkaAdmin } from './admin.ts';
import { ownPartitions } from './assigner.ts';
import { openClient, type KafkaClient } from './client.ts';
import { endOf, type SessionEnd } from './faults.ts';
import { entryOf, positionFault } from './positions.ts';
import { undelivered } from './records.ts';
import type { KafkaConfig } from './settings.ts';
import { settlesWithin, within } from './within.ts';

/** Where a reader stands, over all its sessions. */
export interface Progress {
  /** Partition to the offset that must be delivered next. */
  readonly next: Map<number, number>;
  /** Batches delivered. */
  batches: number;
}

export interface SessionOptions {
  readonly config: KafkaConfig;
  readonly admin: KafkaAdmin;
  /** Used by this session alone, so that it never waits for the membership of a dead one to expire. */
  readonly groupId: string;
  readonly options: ConsumeOptions;
  readonly progress: Progress;
  readonly logger: Logger;
}

const heartbeatMs = 3_000;
const sessionTimeoutMs = 30_000;
/** Small enough to be handled within `handOffMs` as a rule, in which a partition need not step aside. */
const bytesPerPartitionMax = 1024 * 1024;
const bytesMax = 16 * 1024 * 1024;

/**
 * One kafkajs consumer, from connecting to its end, as the only member of a group. Ends at the signal, at the first error of
 * `onBatch`, or when the consumer breaks; always after the batches under way, and with its sockets closed. No batch is handed
 * out twice or beside another of its partition, whatever kafkajs fetches again.
 */
export async function readSession(session: SessionOptions): Promise<SessionEnd> {
  const { config, progress } = session;
  const { topic, signal, onBatch, onStarted } = session.options;
  const { clock, timing } = config;
  const client = openClient(config);
  const consumer = createConsumer(client, session);
  const end = Promise.withResolvers<SessionEnd>();
  const over = new AbortController();
  /** The batches under way, by partition. */
  const busy = new Map<number, Promise<void>>();

  const finish = (how: SessionEnd) => {
    over.abort();
    end.resolve(how); // the first one counts
  };
  const stop = () => finish({ kind: 'stopped' });

  /** Tells kafkajs where we stand. It has no consumer to tell when it has just crashed. */
  const seek = (partition: number) => {
    if (over.signal.aborted) return;
    try {
      consumer.seek({ topic, partition, offset: String(entryOf(progress.next, topic, partition)) });
    } catch (error) {
      finish(endOf(error));
    }
  };

  const deliver = async (partition: number, records: readonly LogRecord[], endOffset: number) => {
    try {
      const after = entryOf(progress.next, topic, partition) + records.length;
      await onBatch({ topic, partition, records, endOffset: Math.max(endOffset, after) });
      progress.next.set(partition, after);
      progress.batches++;
    } catch (error) {
      finish({ kind: 'failed', error });
    } finally {
      busy.delete(partition);
    }
  };

  /** The delivery of a batch; undefined when there is nothing in it to deliver. */
  const startDelivery = async (
    batch: Batch,
  ): Promise<{ readonly done: Promise<void> } | undefined> => {
    const { partition } = batch;
    try {
      const records = undelivered(batch, entryOf(progress.next, topic, partition));
      if (records.length === 0) return undefined;
      const done = deliver(partition, records, Number(batch.highWatermark));
      busy.set(partition, done);
      return { done };
    } catch (gap) {
      finish(await diagnose(gap, partition));
      return undefined;
    }
  };

  const eachBatch = async (kafka: EachBatchPayload) => {
    const { batch } = kafka;
    const { partition } = batch;
    if (over.signal.aborted || !kafka.isRunning() || kafka.isStale()) return; // not resolved, so it is fetched again
    const earlier = busy.get(partition); // kafkajs forgot its pause, in a rejoin
    const delivery = earlier ? { done: earlier } : await startDelivery(batch);
    if (!delivery) {
      seek(partition);
    } else if (!(await settlesWithin(clock, timing.handOffMs, delivery.done))) {
      // kafkajs fetches from a broker only when all batches of its last answer are done: a slow partition steps aside.
      const resume = kafka.pause();
      void delivery.done.then(() => {
        seek(partition);
        resume();
      });
    } else if (earlier || kafka.isStale()) {
      seek(partition);
    } else if (!over.signal.aborted) {
      kafka.resolveOffset(batch.lastOffset());
    }
  };

  /** A hole at the beginning is what kafkajs makes of a deleted log start: it resets without a word. */
  const diagnose = async (gap: unknown, partition: number): Promise<SessionEnd> => {
    try {
      const bounds = entryOf(await session.admin.bounds(topic, signal), topic, partition);
      return endOf(
        positionFault(topic, partition, entryOf(progress.next, topic, partition), bounds) ?? gap,
      );
    } catch (error) {
      return endOf(error);
    }
  };

  consumer.on(consumer.events.REQUEST_TIMEOUT, ({ payload }) => client.drop(payload.broker));
  consumer.on(consumer.events.CRASH, ({ payload }) => finish(endOf(payload.error)));
  // Runs before the first fetch of each generation, and nothing is fetched from elsewhere while a seek is pending.
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    if (over.signal.aborted) return;
    const assigned = new Set(payload.memberAssignment[topic]);
    if (
      assigned.size !== progress.next.size ||
      ![...assigned].every((partition) => progress.next.has(partition))
    ) {
      finish({
        kind: 'broken',
        cause: new Error(`the group gave partitions ${[...assigned].join(', ')}`),
      });
      return;
    }
    assigned.forEach(seek);
    onStarted?.();
  });

  const run = async () => {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: progress.next.size,
      eachBatch,
    });
  };

  /**
   * Compares our positions with the log now and then: a partition that stands still though the log has more is a reader that
   * died quietly, and a log that begins after us or ends before us is a fault even when nothing arrives to show it.
   */
  const watch = async () => {
    let lagging: ReadonlyMap<number, number> = new Map();
    while (!over.signal.aborted) {
      await clock.sleep(timing.positionCheckMs, over.signal);
      const before = new Map(progress.next);
      const bounds = await session.admin.bounds(topic, over.signal).catch((error: unknown) => {
        const ended = endOf(error);
        if (ended.kind === 'failed') finish(ended);
        return undefined;
      });
      if (!bounds) continue;
      const behind = new Map<number, number>();
      for (const [partition, next] of progress.next) {
        if (busy.has(partition) || before.get(partition) !== next) continue; // on the move: older bounds say nothing about it
        const fault = positionFault(topic, partition, next, entryOf(bounds, topic, partition));
        if (fault) finish(endOf(fault));
        if (entryOf(bounds, topic, partition).endOffset > next) behind.set(partition, next);
      }
      for (const [partition, next] of behind) {
        if (lagging.get(partition) === next) {
          finish({
            kind: 'broken',
            cause: new Error(`partition ${partition} stands still at offset ${next}`),
          });
        }
      }
      lagging = behind;
    }
  };

  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  const running = run().catch((error: unknown) => finish(endOf(error)));
  const watching = watch().catch(() => {}); // the sleep, ended by `over`

  const ended = await end.promise;
  await Promise.all(busy.values());
  signal.removeEventListener('abort', stop);
  // A courtesy to the group's coordinator, which may be gone: cutting the sockets is what ends the consumer.
  await within(clock, timing.closeWaitMs, 'leaving the group', consumer.disconnect()).catch(
    () => {},
  );
  client.cut();
  await Promise.all([running, watching]);
  return ended;
}

function createConsumer(
  client: KafkaClient,
  { config, groupId, options, progress }: SessionOptions,
): Consumer {
  return client.kafka.consumer({
    groupId,
    partitionAssigners: [ownPartitions(options.topic, [...progress.next.keys()])],
    metadataMaxAge: config.timing.metadataAgeMaxMs,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: heartbeatMs,
    maxWaitTimeInMs: config.timing.fetchWaitMs,
    minBytes: 1,
    maxBytes: bytesMax,
    maxBytesPerPartition: bytesPerPartitionMax,
    allowAutoTopicCreation: false,
    // A few tries, then it crashes and we begin anew: kafkajs's own restart would forget our positions.
    retry: { ...client.retry, retries: 5, restartOnFailure: () => Promise.resolve(false) },
  });
}
