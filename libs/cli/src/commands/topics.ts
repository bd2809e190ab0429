import { EntError, realClock, realRng, silentLogger } from '@entdb/base';
import { logSettings, parseSettings, type Env } from '@entdb/config';
import { logOf } from '@entdb/fleet';
import { topicFaults } from '@entdb/wal';
import type { Output } from '../ui/output.ts';

export interface TopicsOptions {
  readonly env: Env;
  readonly output: Output;
  readonly json: boolean;
}

/** Makes the topics that are missing, with the settings of the contract, then checks all of them. */
export async function createTopics(options: TopicsOptions): Promise<void> {
  await withLog(options, async (log) => {
    const made = await log.wal.createTopics(log.topics);
    for (const name of made) options.output.note(`made ${name}`);
    await report(log, options);
  });
}

/** Compares the topics with the contract; throws what a service would refuse to start with. */
export async function checkTopics(options: TopicsOptions): Promise<void> {
  await withLog(options, (log) => report(log, options));
}

/** One code for many faults: that of the gravest, as a service would report it. */
const worstFirst = [
  ['missing', 'TOPIC_MISSING'],
  ['mismatch', 'TOPIC_MISMATCH'],
  ['unsafe', 'TOPIC_UNSAFE'],
] as const;

async function report(
  { wal, topics }: ReturnType<typeof logOf>,
  { output, json }: TopicsOptions,
): Promise<void> {
  const found = await Promise.all(
    topics.map(async (spec) => ({ spec, actual: await wal.describeTopic(spec.name) })),
  );
  const faults = found.flatMap(({ spec, actual }) => topicFaults(spec, actual));
  if (json) {
    output.json({
      topics: found.map(({ spec, actual }) => ({ name: spec.name, wanted: spec, actual })),
      faults,
    });
  } else {
    output.table(
      ['TOPIC', 'PARTITIONS', 'REPLICATION', 'MIN IN SYNC', 'STATE'],
      found.map(({ spec, actual }) => {
        const state = topicFaults(spec, actual)
          .map((fault) => fault.kind)
          .join(', ');
        return [
          spec.name,
          String(actual?.partitions ?? '-'),
          String(actual?.replicationFactor ?? '-'),
          actual?.config['min.insync.replicas'] ?? '-',
          state || 'ok',
        ];
      }),
    );
  }
  const code = worstFirst.find(([kind]) => faults.some((fault) => fault.kind === kind))?.[1];
  if (!code) return;
  throw new EntError(code, faults.map((fault) => fault.problem).join('; '), {
    hint: [...new Set(faults.map((fault) => fault.remedy))].join('; '),
  });
}

async function withLog(
  options: TopicsOptions,
  use: (log: ReturnType<typeof logOf>) => Promise<void>,
): Promise<void> {
  const log = logOf(parseSettings(logSettings, options.env), {
    logger: silentLogger,
    clock: realClock,
    rng: realRng,
  });
  try {
    await use(log);
  } finally {
    await log.wal.close();
  }
}
