import { join } from 'node:path';
import { partitionOf } from '@entdb/base';
import type { Fleet } from '@entdb/deploy/local';
import { defaultTopicSettings } from '@entdb/wal';
import { untilCaughtUp } from '../parts/quiet.ts';
import { connectTo } from '../parts/server.ts';
import type { Contest } from './contest.ts';
import { cpuSecondsOf } from './cpu.ts';
import type { Job } from './load/protocol.ts';
import { loaded, startLoad, type LoadedOptions, type LoadProcess } from './load/start.ts';

const partitions = defaultTopicSettings.walPartitions;
const clients = 4;
const recordsPerLane = 128;
const outstanding = partitions * recordsPerLane;

/** One tenant for each partition, so that every lane has as much to do. */
const tenants = Array.from({ length: partitions }, (_, partition) => {
  for (let i = 0; ; i += 1) {
    const name = `bench-${partition}-${i}`;
    if (partitionOf(name, partitions) === partition) return name;
  }
});

export interface WriteContestOptions {
  readonly fleet: Fleet;
  readonly dir: string;
  readonly brokers?: { readonly bootstrap: readonly string[]; readonly rawTopic: string };
}

export interface WriteContests {
  /** Writes that the log has acknowledged. No applier works through them meanwhile: it has a contest of its own. */
  readonly durable: Contest;
  /** The same with an applier at work, and writes whose verdict was waited for. */
  readonly applied: Contest;
  close(): Promise<void>;
}

/** Writes beside the same records in the barest log that is as durable. */
export async function writeContests(options: WriteContestOptions): Promise<WriteContests> {
  const { fleet, dir, brokers } = options;
  const [gateway] = fleet.gateways;
  if (!gateway) throw new Error('the fleet has no gateway');
  const loads: LoadProcess[] = [];
  const contender = async (name: string, job: Job, more: LoadedOptions = {}) => {
    const load = await startLoad(job);
    loads.push(load);
    return loaded(name, load, more);
  };
  const { endpoint } = fleet;
  const sdk = { kind: 'sdk', endpoint, tenants, outstanding, clients } as const;
  const cpu = { cpuSeconds: () => cpuSecondsOf(gateway) };
  const aim = brokers ? { aim: 0.5 } : {};
  const settle = () => settled(endpoint);
  const limit = await contender(
    brokers ? 'kafkajs lanes' : 'SQLite commits',
    brokers
      ? {
          kind: 'kafka-lanes',
          brokers: brokers.bootstrap,
          topic: brokers.rawTopic,
          partitions,
          recordsPerSend: recordsPerLane,
        }
      : {
          kind: 'log-commits',
          path: join(dir, 'raw-log.sqlite'),
          partitions,
          recordsPerCommit: outstanding,
        },
  );
  const bare = brokers
    ? `bare kafkajs lanes, ${recordsPerLane} records like them to a send`
    : `a bare SQLite loop, ${outstanding} records like them to a synced commit`;
  const terms = `transactions that each create a node, over ${partitions} partitions; the limit is ${bare}`;
  const batch: Job = { kind: 'batch', endpoint, tenants, transactions: recordsPerLane };
  return {
    durable: {
      title: 'durable writes',
      terms,
      limit,
      contenders: [
        await contender('SDK stream', { ...sdk, wait: 'durable' }, { ...cpu, ...aim }),
        await contender('ExecuteBatch', batch, { ...cpu, ...aim }),
      ],
    },
    applied: {
      title: 'applied writes',
      terms: `${terms}, and an applier is at work`,
      limit,
      contenders: [
        await contender('durable, SDK', { ...sdk, wait: 'durable' }, { ...cpu, settle }),
        await contender('applied, SDK', { ...sdk, wait: 'applied' }, { ...cpu, settle }),
      ],
    },
    close: async () => {
      for (const load of loads) await load.close();
    },
  };
}

/** Resolves when the applier has nothing left to do. */
export async function settled(endpoint: string): Promise<void> {
  const gateway = connectTo(endpoint);
  await untilCaughtUp(gateway, 1);
  gateway.close();
}
