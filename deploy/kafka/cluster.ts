/**
 * Real Kafka for tests and end-to-end runs, on the loopback address.
 *
 * Promises: each cluster has its own ports, id and data directory, so clusters do not meet; a broker ends at the
 * latest with the process that started it, even when that one is killed by SIGKILL; after `stop` none is left.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { assertInstalled, brokerFiles, launch, prepare, untilReady } from './java.ts';
import type { LaunchedBroker } from './java.ts';
import { nodesFrom, nodesOnFreePorts } from './ports.ts';
import { bootstrapOf, clientAddress, newClusterId } from './settings.ts';
import type { BrokerCount, BrokerNode, ClusterPlan } from './settings.ts';

export type { BrokerCount } from './settings.ts';

/** A cluster that a test may use, and of which it must not assume that it is alone on it: give topics names of their own. */
export interface KafkaEndpoint {
  /** `host:port` of each broker, in the order of their ids. */
  readonly bootstrap: readonly string[];
  /** Ends the brokers if this process started them, else does nothing. The data directory stays, for the caller to remove. */
  stop(): Promise<void>;
}

/** A cluster of the test's own, whose brokers may be harmed. */
export interface KafkaCluster extends KafkaEndpoint {
  /** The broker with this id, counted from 1. */
  broker(id: number): Broker;
}

export interface Broker {
  readonly id: number;
  /** `host:port` for clients; the same after every start. */
  readonly address: string;
  /** Of the JVM; undefined while the broker is down. */
  readonly pid: number | undefined;
  /** SIGKILL; resolves when the process is gone. The others notice after `broker.session.timeout.ms`, or when a connection closes. */
  kill(): Promise<void>;
  /** SIGTERM: the broker hands its leaderships over, then ends. Resolves when the process is gone. */
  terminate(): Promise<void>;
  /** Starts a broker that is down, on the same data; resolves when it serves clients. Needs a majority of the nodes: start two together. */
  start(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers, as with a frozen machine. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
}

export interface KafkaOptions {
  readonly brokers: BrokerCount;
  /** Everything the brokers write; new or empty. After `stop`, `Broker.start` continues on the same data. */
  readonly dir: string;
  /** First of the clients' ports; controllers listen 10 above. By default a free block is found. */
  readonly basePort?: number;
}

/** The running cluster that ENTDB_TEST_KAFKA_BROKERS names (comma-separated `host:port`), or else one started for the caller. */
export async function useKafka(options: KafkaOptions): Promise<KafkaEndpoint> {
  const running = process.env['ENTDB_TEST_KAFKA_BROKERS'];
  if (running === undefined || running === '') return startKafka(options);
  return {
    bootstrap: running.split(',').map((address) => address.trim()),
    stop: () => Promise.resolve(),
  };
}

/** Starts brokers and resolves when all of them serve clients. When one fails, none is left behind. */
export async function startKafka({ brokers, dir, basePort }: KafkaOptions): Promise<KafkaCluster> {
  assertInstalled();
  const nodes =
    basePort === undefined ? await nodesOnFreePorts(brokers) : nodesFrom(basePort, brokers);
  const plan: ClusterPlan = { clusterId: newClusterId(), nodes };
  const home = resolve(dir);
  if (existsSync(brokerFiles(home, 1).data))
    throw new Error(`${home} holds the data of another cluster`);
  await prepare(home, plan);

  const members = nodes.map((node) => createMember(home, node, plan));
  const stop = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.kill()));
  };
  try {
    const launched = await Promise.all(members.map((member) => member.launch()));
    await untilReady(launched, plan);
  } catch (cause) {
    await stop();
    throw cause;
  }

  return {
    bootstrap: bootstrapOf(plan),
    broker(id) {
      const member = members.find((candidate) => candidate.id === id);
      if (member === undefined)
        throw new Error(`no broker ${id} in a cluster of ${members.length}`);
      return member;
    },
    stop,
  };
}

interface Member extends Broker {
  launch(): Promise<LaunchedBroker>;
}

function createMember(dir: string, node: BrokerNode, plan: ClusterPlan): Member {
  let running: LaunchedBroker | undefined;

  const signal = (name: NodeJS.Signals): void => {
    if (running === undefined) throw new Error(`broker ${node.id} is down`);
    running.signal(name);
  };

  const end = async (name: NodeJS.Signals): Promise<void> => {
    if (running === undefined) return;
    running.signal(name);
    await running.exited;
  };

  const start = async (): Promise<LaunchedBroker> => {
    if (running !== undefined) throw new Error(`broker ${node.id} is up already`);
    const launched = await launch(dir, node, 'brief');
    running = launched;
    void launched.exited.then(() => {
      running = undefined;
    });
    return launched;
  };

  return {
    id: node.id,
    address: clientAddress(node),
    get pid() {
      return running?.pid;
    },
    launch: start,
    kill: () => end('SIGKILL'),
    terminate: () => {
      running?.signal('SIGCONT'); // a paused process would not see SIGTERM
      return end('SIGTERM');
    },
    start: async () => untilReady([await start()], plan),
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
  };
}
