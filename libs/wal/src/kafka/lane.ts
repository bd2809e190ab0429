import { EntError, toError } from '@entdb/base';
import type { Message, Producer, RecordMetadata } from 'kafkajs';
import { createLane } from '../lane-queue.ts';
import type { AppendRecord, Lane, LaneLimits } from '../wal.ts';
import { openClient, type KafkaClient } from './client.ts';
import { logFault } from './faults.ts';
import type { KafkaConfig } from './settings.ts';
import { within } from './within.ts';

/**
 * The single-flight lane: how kafkajs is kept from losing acknowledged writes.
 *
 * kafkajs rolls its sequence number back before it retries, and the broker tells a repeat by the numbers alone; so a second
 * send in between, or a send after one that was given up, can be taken for a repeat of the first and be acknowledged without
 * being written. Therefore: a producer of its own (id, sockets, sequence) for one partition, at most one send under way
 * (lane-queue.ts), and no send ever again after one that failed. Held by faults.spec.ts, case by case.
 */
export interface KafkaLaneOptions {
  readonly topic: string;
  readonly partition: number;
  readonly limits?: Partial<LaneLimits> | undefined;
  /** Records that one producer may send before it is replaced; see `recordsPerProducerMax`. */
  readonly recordsPerProducer?: number;
}

/**
 * kafkajs's sequence counter jumps to 0 one number before 2^31 and the broker refuses that, so a producer is replaced long
 * before. Nothing is in flight then and every earlier send was confirmed: the new one cannot repeat anything.
 */
const recordsPerProducerMax = 2 ** 30;

export async function openKafkaLane(config: KafkaConfig, options: KafkaLaneOptions): Promise<Lane> {
  const { topic, partition, recordsPerProducer = recordsPerProducerMax } = options;
  const { clock, logger, timing } = config;
  let current = await openProducer(config, topic, partition);
  let sent = 0;

  const replaceProducer = async () => {
    const next = await openProducer(config, topic, partition);
    await current.close();
    logger.info({ topic, partition, records: sent }, 'lane has a new producer');
    current = next;
    sent = 0;
  };

  return createLane({
    topic,
    partition,
    clock,
    ...(options.limits ? { limits: options.limits } : {}),
    send: async (records) => {
      if (sent + records.length > recordsPerProducer) await replaceProducer();
      sent += records.length;
      try {
        return await current.send(records);
      } catch (error) {
        // Its retries must not go on: the lane is given up, and a late append of theirs could only be a duplicate.
        current.abandon();
        logger.warn(
          { topic, partition, err: toError(error) },
          'lane failed; the outcome of its last batch is unknown',
        );
        throw error;
      }
    },
    release: () => current.close(),
    closeWaitMs: timing.closeWaitMs,
  });
}

/** A connected idempotent producer for one partition. */
interface PartitionProducer {
  /** The offset of the first record. After a rejection the producer must not be used again. */
  send(records: readonly AppendRecord[]): Promise<number>;
  abandon(): void;
  close(): Promise<void>;
}

/** Rejects when the connection or the producer id cannot be had: kafkajs would go on to send without idempotence. */
async function openProducer(
  config: KafkaConfig,
  topic: string,
  partition: number,
): Promise<PartitionProducer> {
  const { clock, timing } = config;
  const client = openClient(config);
  const producer = createProducer(client, config, partition);
  const attempt = `opening a lane to ${topic}/${partition}`;
  try {
    await within(clock, timing.callDeadlineMs, attempt, producer.connect());
  } catch (error) {
    client.cut();
    throw logFault(attempt, error);
  }

  return {
    send: async (records) => {
      const request = producer.send({
        topic,
        acks: -1,
        timeout: timing.ackTimeoutMs,
        messages: records.map((record) => messageOf(record, partition)),
      });
      return confirmedOffset(
        await within(clock, timing.appendDeadlineMs, 'the append', request),
        topic,
        partition,
      );
    },
    abandon: () => client.cut(),
    close: async () => {
      // Nothing is in flight any more, so this is a courtesy: its failure loses nothing.
      await within(clock, timing.closeWaitMs, 'closing a lane', producer.disconnect()).catch(
        () => {},
      );
      client.cut();
    },
  };
}

function createProducer(client: KafkaClient, { timing }: KafkaConfig, partition: number): Producer {
  const producer = client.kafka.producer({
    idempotent: true,
    allowAutoTopicCreation: false,
    metadataMaxAge: timing.metadataAgeMaxMs,
    retry: client.retry,
    // Asked again at each retry: it must not be able to change its mind.
    createPartitioner: () => () => partition,
  });
  producer.on(producer.events.REQUEST_TIMEOUT, ({ payload }) => client.drop(payload.broker));
  return producer;
}

function messageOf({ key, value, headers }: AppendRecord, partition: number): Message {
  return {
    key,
    value: Buffer.isBuffer(value)
      ? value
      : Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    partition,
    ...(headers ? { headers } : {}),
  };
}

/** kafkajs resolves with nothing when it knows no such partition, and with less than was sent when a leader moved. */
function confirmedOffset(
  results: readonly RecordMetadata[],
  topic: string,
  partition: number,
): number {
  const [result, ...others] = results;
  const offset = Number(result?.baseOffset ?? -1);
  const confirmed =
    others.length === 0 &&
    result?.topicName === topic &&
    result.partition === partition &&
    result.errorCode === 0 &&
    Number.isSafeInteger(offset) &&
    offset >= 0;
  if (!confirmed) {
    throw new EntError(
      'INTERNAL',
      `the producer of ${topic}/${partition} got ${JSON.stringify(results)} for an answer`,
    );
  }
  return offset;
}
