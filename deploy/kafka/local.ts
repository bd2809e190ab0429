/**
 * A developer's cluster: brokers that outlive the command that started them, found again by the pids they left.
 * Each command is idempotent, and none signals a process that is not a broker of this directory.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { brokerFiles, launch, prepare, untilReady } from './java.ts';
import type { LaunchedBroker } from './java.ts';
import { busyPort, nodesFrom } from './ports.ts';
import { commandLine, signal } from './processes.ts';
import { newClusterId } from './settings.ts';
import type { BrokerCount, BrokerNode, ClusterPlan } from './settings.ts';

const terminateWithinMs = 15_000;
const pollMs = 50;

export interface LocalOptions {
  readonly dir: string;
  readonly brokers: BrokerCount;
  readonly basePort: number;
}

export interface UpResult {
  readonly plan: ClusterPlan;
  /** Ids of the brokers that this call started; none when all were up. */
  readonly started: readonly number[];
}

/** Brings every broker of the directory's cluster up, making the cluster first where there is none. */
export async function up({ dir, brokers, basePort }: LocalOptions): Promise<UpResult> {
  const wanted = nodesFrom(basePort, brokers);
  const plan = (await readPlan(dir)) ?? { clusterId: newClusterId(), nodes: wanted };
  if (JSON.stringify(plan.nodes) !== JSON.stringify(wanted)) {
    const { length } = plan.nodes;
    throw new Error(
      `${dir} holds a cluster with BROKERS=${length} KAFKA_PORT=${plan.nodes[0]?.clientPort}; ` +
        'use these values, another DIR, or deploy/kafka/down.sh --wipe first',
    );
  }

  const down = plan.nodes.filter((node) => runningPid(dir, node) === undefined);
  const busy = await busyPort(down);
  if (busy !== undefined) {
    throw new Error(
      `port ${busy} is in use by another process; set KAFKA_PORT (now ${basePort}) so that KAFKA_PORT to KAFKA_PORT+${brokers - 1} ` +
        `and KAFKA_PORT+10 to KAFKA_PORT+${9 + brokers} are free`,
    );
  }
  if (down.length === 0) return { plan, started: [] };

  await mkdir(dir, { recursive: true });
  await writeFile(planFile(dir), `${JSON.stringify(plan, null, 2)}\n`);
  await startNodes(dir, plan, down);
  return { plan, started: down.map(({ id }) => id) };
}

/** Ends all brokers of the directory, and returns the ids of those that were up. */
export async function down(dir: string): Promise<readonly number[]> {
  const nodes = (await readPlan(dir))?.nodes ?? [];
  const wereUp = nodes.filter((node) => runningPid(dir, node) !== undefined);
  await Promise.all(wereUp.map((node) => end(dir, node, 'SIGTERM')));
  return wereUp.map(({ id }) => id);
}

/**
 * Removes what a cluster that is down left in the directory, with the views that `make run-kafka` made of its log, and nothing else. Returns whether
 * there was a cluster.
 */
export async function wipe(dir: string): Promise<boolean> {
  const plan = await readPlan(dir);
  if (plan === undefined) return false;
  await Promise.all(
    plan.nodes.map(({ id }) => rm(brokerFiles(dir, id).home, { recursive: true, force: true })),
  );
  await rm(join(dir, 'fleet'), { recursive: true, force: true });
  await rm(planFile(dir));
  return true;
}

export const brokerActions = ['kill', 'stop', 'pause', 'resume', 'start'] as const;
export type BrokerAction = (typeof brokerActions)[number];

/** Does one thing to one broker and resolves when it is done. */
export async function act(dir: string, id: number, action: BrokerAction): Promise<void> {
  const plan = await readPlan(dir);
  if (plan === undefined)
    throw new Error(`no cluster in ${dir}; start one with deploy/kafka/up.sh`);
  const node = plan.nodes.find((candidate) => candidate.id === id);
  if (node === undefined) throw new Error(`no broker ${id} in a cluster of ${plan.nodes.length}`);

  const pid = runningPid(dir, node);
  if (action === 'start') {
    if (pid === undefined) await startNodes(dir, plan, [node]);
    return;
  }
  if (pid === undefined)
    throw new Error(`broker ${id} is down; start it with deploy/kafka/broker.sh ${id} start`);
  switch (action) {
    case 'kill':
      return end(dir, node, 'SIGKILL');
    case 'stop':
      return end(dir, node, 'SIGTERM');
    case 'pause':
      signal(pid, 'SIGSTOP');
      return;
    case 'resume':
      signal(pid, 'SIGCONT');
      return;
  }
}

async function startNodes(
  dir: string,
  plan: ClusterPlan,
  nodes: readonly BrokerNode[],
): Promise<void> {
  await prepare(dir, plan);
  const launched: LaunchedBroker[] = [];
  try {
    for (const node of nodes) {
      const broker = await launch(dir, node, 'lasting');
      launched.push(broker);
      await writeFile(broker.files.pid, String(broker.pid));
    }
    await untilReady(launched, plan);
  } catch (cause) {
    for (const broker of launched) broker.signal('SIGKILL');
    throw cause;
  }
  for (const broker of launched) broker.release();
}

/** SIGTERM is followed by SIGKILL when the broker takes too long, as it does when no controller is left to say goodbye to. */
async function end(dir: string, node: BrokerNode, name: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const pid = runningPid(dir, node);
  if (pid === undefined) return;
  signal(pid, name);
  signal(pid, 'SIGCONT'); // a paused process would not see SIGTERM
  const deadline = performance.now() + terminateWithinMs;
  while (runningPid(dir, node) !== undefined) {
    if (performance.now() > deadline) signal(pid, 'SIGKILL');
    await delay(pollMs);
  }
  await rm(brokerFiles(dir, node.id).pid, { force: true });
}

/** The recorded pid, if that process still is this broker: pids are used again by others. */
function runningPid(dir: string, node: BrokerNode): number | undefined {
  const files = brokerFiles(dir, node.id);
  if (!existsSync(files.pid)) return undefined;
  const pid = Number(readFileSync(files.pid, 'utf8'));
  return commandLine(pid).includes(files.properties) ? pid : undefined;
}

async function readPlan(dir: string): Promise<ClusterPlan | undefined> {
  const file = planFile(dir);
  // Only `up` writes this file, so its shape is known.
  return existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as ClusterPlan) : undefined;
}

function planFile(dir: string): string {
  return join(dir, 'cluster.json');
}
