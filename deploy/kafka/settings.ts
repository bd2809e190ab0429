/**
 * What a local cluster is made of, and the one source of its brokers' settings.
 * Every node is broker and controller in one process (KRaft), and listens on the loopback address only.
 */
import { randomBytes } from 'node:crypto';

export type BrokerCount = 1 | 3;

export interface BrokerNode {
  /** 1 to 3. */
  readonly id: number;
  readonly clientPort: number;
  readonly controllerPort: number;
}

export interface ClusterPlan {
  readonly clusterId: string;
  readonly nodes: readonly BrokerNode[];
}

export const host = '127.0.0.1';

export function clientAddress(node: BrokerNode): string {
  return `${host}:${node.clientPort}`;
}

export function bootstrapOf(plan: ClusterPlan): readonly string[] {
  return plan.nodes.map(clientAddress);
}

/** 16 random bytes in URL-safe base64, Kafka's own form. A leading dash would look like an option to its tools. */
export function newClusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? newClusterId() : id;
}

/** The text of `server.properties` for one node. README.md says why for each value that differs from Kafka's default. */
export function serverProperties(node: BrokerNode, plan: ClusterPlan, dataDir: string): string {
  const replicas = plan.nodes.length;
  const replicasInSyncMin = replicas >= 3 ? 2 : 1;
  const settings: Readonly<Record<string, string | number | boolean>> = {
    'process.roles': 'broker,controller',
    'node.id': node.id,
    'log.dirs': dataDir,
    listeners: `CLIENT://${clientAddress(node)},CONTROLLER://${host}:${node.controllerPort}`,
    'advertised.listeners': `CLIENT://${clientAddress(node)}`,
    'listener.security.protocol.map': 'CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'CLIENT',
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.voters': plan.nodes
      .map((peer) => `${peer.id}@${host}:${peer.controllerPort}`)
      .join(','),

    'auto.create.topics.enable': false,
    'default.replication.factor': replicas,
    'min.insync.replicas': replicasInSyncMin,
    'unclean.leader.election.enable': false,

    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 500,

    'group.initial.rebalance.delay.ms': 0,
    'offsets.topic.num.partitions': 8,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': 8,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': replicasInSyncMin,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': replicasInSyncMin,

    'log.initial.task.delay.ms': 1000,
    'log.retention.check.interval.ms': 1000,
    'log.segment.delete.delay.ms': 1000,

    'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
