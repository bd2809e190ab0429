import { EntError } from '@entdb/base';
import type { TopicDescription, TopicSpec, Wal } from './wal.ts';

/** Names that are contract. */
export const walTopic = 'entdb-wal';
export const resultsTopic = 'entdb-results';
export const statusTopic = 'entdb-status';
/** The group whose marks on entdb-wal say how far the archive is: the archiver sets them, a restore reads them. */
export const archiverGroup = 'entdb-archiver';

export interface TopicSettings {
  readonly walPartitions: number;
  readonly replicationFactor: number;
  readonly minInsyncReplicas: number;
  /** Milliseconds the write-ahead log is kept; the archive is what keeps it for longer. */
  readonly walRetentionMs: number;
}

export const defaultTopicSettings: TopicSettings = {
  walPartitions: 8,
  replicationFactor: 3,
  minInsyncReplicas: 2,
  walRetentionMs: 7 * 24 * 3_600_000,
};

const hourMs = 3_600_000;

/** The topics of a fleet, as `entdb topics create` makes them. */
export function topicSpecs(settings: TopicSettings): readonly TopicSpec[] {
  const shared = {
    replicationFactor: settings.replicationFactor,
    minInsyncReplicas: settings.minInsyncReplicas,
    maxMessageBytes: 1_048_588,
  };
  return [
    {
      ...shared,
      name: walTopic,
      partitions: settings.walPartitions,
      retentionMs: settings.walRetentionMs,
    },
    { ...shared, name: resultsTopic, partitions: settings.walPartitions, retentionMs: hourMs },
    { ...shared, name: statusTopic, partitions: 1, retentionMs: 24 * hourMs },
  ];
}

/** What is wrong with a topic, and how to mend it. */
export interface TopicFault {
  readonly topic: string;
  readonly kind: 'missing' | 'mismatch' | 'unsafe';
  readonly problem: string;
  readonly remedy: string;
}

/** Pure: compares what is with what must be. An empty list means safe. */
export function topicFaults(
  spec: TopicSpec,
  actual: TopicDescription | undefined,
): readonly TopicFault[] {
  const topic = spec.name;
  if (!actual) {
    return [
      {
        topic,
        kind: 'missing',
        problem: `topic ${topic} does not exist`,
        remedy: 'run: entdb topics create',
      },
    ];
  }
  const faults: TopicFault[] = [];
  if (actual.partitions !== spec.partitions) {
    faults.push({
      topic,
      kind: 'mismatch',
      problem: `topic ${topic} has ${actual.partitions} partitions, not ${spec.partitions}: tenants would change partition`,
      remedy: `set ENTDB_WAL_PARTITIONS to the number that the topic was made with; a topic that was enlarged must be made anew`,
    });
  }
  const unsafe = (problem: string, remedy: string) =>
    faults.push({ topic, kind: 'unsafe', problem: `topic ${topic}: ${problem}`, remedy });
  const alter = (setting: string) =>
    `kafka-configs --alter --entity-type topics --entity-name ${topic} --add-config ${setting}`;
  if (actual.replicationFactor < spec.replicationFactor) {
    unsafe(
      `replication factor is ${actual.replicationFactor}, must be at least ${spec.replicationFactor}`,
      'raise it with kafka-reassign-partitions',
    );
  }
  const config = actual.config;
  if (Number(config['min.insync.replicas'] ?? 1) < spec.minInsyncReplicas) {
    unsafe(
      `min.insync.replicas is ${config['min.insync.replicas'] ?? 1}, must be at least ${spec.minInsyncReplicas}`,
      alter(`min.insync.replicas=${spec.minInsyncReplicas}`),
    );
  }
  const required: readonly (readonly [string, string])[] = [
    ['unclean.leader.election.enable', 'false'],
    ['cleanup.policy', 'delete'],
    ['message.timestamp.type', 'LogAppendTime'],
  ];
  for (const [name, value] of required) {
    if (config[name] !== value)
      unsafe(
        `${name} is ${config[name] ?? 'not known'}, must be ${value}`,
        alter(`${name}=${value}`),
      );
  }
  if (Number(config['max.message.bytes'] ?? 0) < spec.maxMessageBytes) {
    unsafe(
      `max.message.bytes is ${config['max.message.bytes'] ?? 'not known'}, must be at least ${spec.maxMessageBytes}`,
      alter(`max.message.bytes=${spec.maxMessageBytes}`),
    );
  }
  return faults;
}

/**
 * Throws TOPIC_MISSING, TOPIC_MISMATCH or TOPIC_UNSAFE, naming every fault and its remedy. `allowUnsafe` lets unsafe settings
 * pass (not missing topics nor another partition count) and returns them, to be logged.
 */
export async function assertTopics(
  wal: Wal,
  specs: readonly TopicSpec[],
  options: { readonly allowUnsafe: boolean },
): Promise<readonly TopicFault[]> {
  const faults = (
    await Promise.all(
      specs.map(async (spec) => topicFaults(spec, await wal.describeTopic(spec.name))),
    )
  ).flat();
  const fatal = options.allowUnsafe ? faults.filter((fault) => fault.kind !== 'unsafe') : faults;
  const worst =
    fatal.find((f) => f.kind === 'missing') ?? fatal.find((f) => f.kind === 'mismatch') ?? fatal[0];
  if (worst) {
    const code = {
      missing: 'TOPIC_MISSING',
      mismatch: 'TOPIC_MISMATCH',
      unsafe: 'TOPIC_UNSAFE',
    } as const;
    throw new EntError(code[worst.kind], fatal.map((fault) => fault.problem).join('; '), {
      hint: [...new Set(fatal.map((fault) => fault.remedy))].join('; '),
    });
  }
  return faults;
}
