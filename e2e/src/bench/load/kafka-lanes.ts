import net from 'node:net';
import kafkajs from 'kafkajs';
import { createRecord } from '../sample-log.ts';
import type { Job, Load } from './protocol.ts';

const { Kafka, logLevel } = kafkajs;

export async function kafkaLanes(job: Extract<Job, { kind: 'kafka-lanes' }>): Promise<Load> {
  const { brokers, topic, partitions, recordsPerSend } = job;
  const kafka = new Kafka({
    clientId: 'raw',
    brokers: [...brokers],
    logLevel: logLevel.ERROR,
    socketFactory: ({ host, port, onConnect }) =>
      net.connect({ host, port, noDelay: true }, onConnect),
  });
  const value = Buffer.from(createRecord(1, undefined));
  const producers = await Promise.all(
    Array.from({ length: partitions }, async () => {
      const producer = kafka.producer({
        idempotent: true,
        maxInFlightRequests: 1,
        allowAutoTopicCreation: false,
        retry: { initialRetryTime: 100, retries: 40, maxRetryTime: 1000 },
      });
      await producer.connect();
      return producer;
    }),
  );
  return {
    loops: producers.map((producer, partition) => async () => {
      const message = { key: `tenant-${partition}`, value, partition };
      const messages = Array.from({ length: recordsPerSend }, () => message);
      await producer.send({ topic, acks: -1, timeout: 5000, messages });
      return recordsPerSend;
    }),
    close: async () => {
      await Promise.all(producers.map((producer) => producer.disconnect()));
    },
  };
}
