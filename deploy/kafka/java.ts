import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { untilBrokersAnswer } from './probe.ts';
import { clientAddress, serverProperties } from './settings.ts';
import type { BrokerNode, ClusterPlan } from './settings.ts';
import { watch } from './watchdog.ts';

const kafkaHome = fileURLToPath(new URL('../../.tools/kafka', import.meta.url));

/** Classes as the JVM wants them in memory: halves the start of a broker. A JVM that cannot use the file ignores it. */
export const classArchive = join(kafkaHome, 'classes.jsa');

const classPath = ['-cp', join(kafkaHome, 'libs', '*')];
const startFast = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
const logging = [
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
  '-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS',
];
const readyWithinMs = 120_000;
const logTailChars = 3000;

export interface BrokerFiles {
  readonly home: string;
  readonly properties: string;
  readonly data: string;
  readonly log: string;
  readonly pid: string;
}

export function brokerFiles(dir: string, id: number): BrokerFiles {
  const home = join(dir, `broker-${id}`);
  return {
    home,
    properties: join(home, 'server.properties'),
    data: join(home, 'data'),
    log: join(home, 'kafka.log'),
    pid: join(home, 'pid'),
  };
}

/** Refuses to go on without the whole of what install.sh puts there. */
export function assertInstalled(): void {
  if (!existsSync(join(kafkaHome, 'stamp')))
    throw new Error('Kafka is not installed: run deploy/kafka/install.sh');
}

/** Writes each broker's settings and formats its data directory; what is formatted already keeps its data. */
export async function prepare(dir: string, plan: ClusterPlan): Promise<void> {
  await Promise.all(
    plan.nodes.map(async (node) => {
      const files = brokerFiles(dir, node.id);
      await mkdir(files.data, { recursive: true });
      await writeFile(files.properties, serverProperties(node, plan, files.data));
      if (!existsSync(join(files.data, 'meta.properties'))) await format(plan, files);
    }),
  );
}

async function format(plan: ClusterPlan, files: BrokerFiles): Promise<void> {
  const storageTool = [
    'kafka.tools.StorageTool',
    'format',
    '-t',
    plan.clusterId,
    '-c',
    files.properties,
  ];
  await promisify(execFile)('java', [
    ...startFast,
    ...sharedClasses(),
    ...classPath,
    ...storageTool,
  ]);
}

function sharedClasses(): readonly string[] {
  return existsSync(classArchive) ? [`-XX:SharedArchiveFile=${classArchive}`] : [];
}

/**
 * `brief`: for tests; compiles little, starts soon, and ends at the latest with this process.
 * `lasting`: for a developer's cluster and for benchmarks; the JVM optimises, and the broker outlives this process.
 */
export type BrokerLife = 'brief' | 'lasting';

/** A broker's JVM whose process exists; it may not serve yet. */
export interface LaunchedBroker {
  readonly node: BrokerNode;
  readonly files: BrokerFiles;
  readonly pid: number;
  /** Resolves when the process has ended, whatever the cause. */
  readonly exited: Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Lets this process end before a lasting broker does. */
  release(): void;
}

export async function launch(
  dir: string,
  node: BrokerNode,
  life: BrokerLife,
  jvm: readonly string[] = sharedClasses(),
): Promise<LaunchedBroker> {
  const files = brokerFiles(dir, node.id);
  const compilation = life === 'brief' ? startFast : ['-XX:+UseSerialGC'];
  const log = await open(files.log, 'a');
  const child = spawn(
    'java',
    ['-Xmx384m', ...compilation, ...jvm, ...logging, ...classPath, 'kafka.Kafka', files.properties],
    { detached: life === 'lasting', stdio: ['ignore', log.fd, log.fd] },
  );
  const { pid } = child;
  if (pid === undefined) {
    const [cause] = (await once(child, 'error')) as [Error];
    await log.close();
    throw new Error('java cannot be started: run deploy/kafka/install.sh', { cause });
  }
  // In the same turn as the spawn: a moment between the two would be one in which our end leaves an orphan.
  const watchdog = life === 'brief' ? watch(pid) : undefined;
  const ended = once(child, 'exit');
  await log.close();
  return {
    node,
    files,
    pid,
    exited: ended.then(() => watchdog?.dismiss()),
    signal: (name) => child.kill(name),
    release: () => child.unref(),
  };
}

/** Resolves when all of these serve clients and see each other; rejects as soon as one of them ends, with the end of its log. */
export async function untilReady(
  launched: readonly LaunchedBroker[],
  plan: ClusterPlan,
): Promise<void> {
  const waiting = new AbortController();
  const deadline = AbortSignal.timeout(readyWithinMs);
  const wanted = {
    clusterId: plan.clusterId,
    addresses: launched.map(({ node }) => clientAddress(node)),
    ids: launched.map(({ node }) => node.id),
  };
  try {
    const ended = await Promise.race([
      untilBrokersAnswer(wanted, AbortSignal.any([waiting.signal, deadline])),
      ...launched.map((broker) => broker.exited.then(() => broker)),
    ]);
    if (ended === undefined) return;
    const { node, files } = ended;
    throw new Error(
      `broker ${node.id} ended before it was ready; ${files.log} ends with\n${await tail(files.log)}`,
    );
  } catch (cause) {
    if (!deadline.aborted) throw cause;
    throw new Error(
      `brokers ${wanted.ids.join(', ')} did not answer within ${readyWithinMs / 1000} s`,
      { cause },
    );
  } finally {
    waiting.abort();
  }
}

async function tail(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).slice(-logTailChars);
}
