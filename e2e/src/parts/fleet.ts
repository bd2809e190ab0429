import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRng, silentLogger } from '@entdb/base';
import { startKafka, type KafkaCluster } from '@entdb/deploy/kafka';
import { startFleet, type Fleet, type FleetOptions } from '@entdb/deploy/local';
import { createKafkaWal, defaultTopicSettings, topicSpecs } from '@entdb/wal';
import { connectTo, type Server } from './server.ts';

export type { Fleet } from '@entdb/deploy/local';

/** A fleet of real processes for one test, and all that it made: `await using` ends it, whatever happened. */
export interface TestFleet extends AsyncDisposable {
  readonly fleet: Fleet;
  /** Three brokers of the test's own, where it runs on Kafka. */
  readonly brokers: KafkaCluster | undefined;
  readonly dir: string;
  /** Plain clients of the n-th gateway and the n-th applier: what they are asked goes there and nowhere else. */
  gateway(index?: number): Server;
  applier(index?: number): Server;
  /** What the supervisor told: each end of a process. */
  readonly events: readonly string[];
  /** Keep the folder: what is in it shall be looked at. */
  keep(): void;
}

export interface TestFleetOptions extends Pick<
  FleetOptions,
  'gateways' | 'appliers' | 'env' | 'envOf'
> {
  readonly kafka?: boolean;
}

const readyTimeoutMs = 180_000;

export async function startTestFleet(options: TestFleetOptions = {}): Promise<TestFleet> {
  const { kafka = false, ...rest } = options;
  const dir = mkdtempSync(join(tmpdir(), 'entdb-e2e-'));
  const events: string[] = [];
  const servers = new Map<string, Server>();
  let kept = false;
  let brokers: KafkaCluster | undefined;
  let fleet: Fleet | undefined;
  const close = async () => {
    for (const server of servers.values()) server.close();
    await fleet?.stop();
    await brokers?.stop();
    if (!kept) rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  const server = (address: string | undefined): Server => {
    if (address === undefined) throw new Error('the fleet has no such service');
    const known = servers.get(address) ?? connectTo(address);
    servers.set(address, known);
    return known;
  };
  try {
    brokers = kafka ? await startBrokers(join(dir, 'kafka')) : undefined;
    const started = await startFleet({
      dataDir: join(dir, 'data'),
      onEvent: (event) => events.push(event),
      ...rest,
      ...(brokers && { kafkaBrokers: brokers.bootstrap }),
    });
    fleet = started;
    await started.ready(readyTimeoutMs);
    return {
      fleet: started,
      brokers,
      dir,
      events,
      gateway: (index = 0) => server(started.gateways[index]?.address),
      applier: (index = 0) => server(started.appliers[index]?.address),
      keep: () => {
        kept = true;
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startBrokers(dir: string): Promise<KafkaCluster> {
  const cluster = await startKafka({ brokers: 3, dir });
  try {
    const wal = createKafkaWal({
      brokers: cluster.bootstrap,
      logger: silentLogger,
      clock: realClock,
      rng: realRng,
    });
    try {
      await wal.createTopics(topicSpecs(defaultTopicSettings));
    } finally {
      await wal.close();
    }
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
