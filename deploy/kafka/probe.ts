import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';

const { Kafka, logLevel } = kafkajs;

const pollMs = 100;

export interface Readiness {
  readonly clusterId: string;
  /** Each of these is asked by itself. */
  readonly addresses: readonly string[];
  /** Node ids that each answer must contain: a broker lists only those that the controller has unfenced. */
  readonly ids: readonly number[];
}

/** Resolves when every address answers as a member of this cluster and sees all the nodes; rejects when `signal` aborts. */
export async function untilBrokersAnswer(wanted: Readiness, signal: AbortSignal): Promise<void> {
  for (const address of wanted.addresses) {
    while (!(await answers(address, wanted))) await delay(pollMs, undefined, { signal });
  }
}

/** Whether this address serves this cluster now and sees all the wanted nodes. */
export async function answers(
  address: string,
  wanted: Omit<Readiness, 'addresses'>,
): Promise<boolean> {
  const client = new Kafka({
    clientId: 'probe',
    brokers: [address],
    connectionTimeout: 1000,
    requestTimeout: 2000,
    retry: { retries: 0 },
    logLevel: logLevel.NOTHING,
  });
  const admin = client.admin();
  try {
    await admin.connect();
    const { clusterId, brokers } = await admin.describeCluster();
    return (
      clusterId === wanted.clusterId &&
      wanted.ids.every((id) => brokers.some(({ nodeId }) => nodeId === id))
    );
  } catch {
    // Every failure here means "not yet": the caller sets the deadline and knows when a broker has ended.
    return false;
  } finally {
    await admin.disconnect();
  }
}
