import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { partitionOf } from '@entdb/base';
import { startFleet, type Fleet, type Service } from '@entdb/deploy/local';
import {
  archiverGroup,
  createEmbeddedWal,
  defaultTopicSettings,
  topicSpecs,
  walTopic,
  type AppendRecord,
  type Wal,
} from '@entdb/wal';
import type { Contender, Contest } from '../bench/contest.ts';
import { cpuSecondsOf } from '../bench/cpu.ts';
import { inFolder, type ContestOptions } from './contests.ts';
import { historyOf, seed } from './history.ts';
import { packAndPut, textsOf } from './raw.ts';
import type { Place } from './stores.ts';
import { partitions } from './tenant.ts';

/** An archiver's process, and the embedded log that it reads. */
export interface Archiving extends AsyncDisposable {
  readonly archiver: Service;
  /** Puts a tenant's records on the log, and resolves when all of them are archived. */
  archive(tenantId: string, batches: Iterable<readonly AppendRecord[]>): Promise<void>;
}

const recordsPerAppend = 500;
const pollMs = 5;
const settings = {
  ENTDB_WAL_PARTITIONS: String(partitions),
  // So that neither the last, short segment of a round nor the mark is waited for.
  ENTDB_ARCHIVE_IDLE: '60ms',
  ENTDB_STATUS_INTERVAL: '20ms',
};

export async function startArchiving(place: Place): Promise<Archiving> {
  const directory = join(place.dataDir, 'log');
  mkdirSync(directory, { recursive: true });
  const wal = createEmbeddedWal({ directory });
  let fleet: Fleet | undefined;
  const close = async () => {
    await fleet?.stop();
    await wal.close();
  };
  try {
    await wal.createTopics(topicSpecs({ ...defaultTopicSettings, walPartitions: partitions }));
    fleet = await startFleet({
      dataDir: place.dataDir,
      gateways: 0,
      appliers: 0,
      archivers: 1,
      env: { ...place.env, ...settings },
    });
    await fleet.ready();
    const [archiver] = fleet.archivers;
    if (!archiver) throw new Error('there is no archiver');
    return {
      archiver,
      archive: async (tenantId, batches) => {
        const partition = partitionOf(tenantId, partitions);
        const end = await append(wal, partition, batches);
        while (((await wal.committed(archiverGroup, walTopic, partition)) ?? 0) < end)
          await delay(pollMs);
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A tenant's history as it is appended. */
export function* batchesOf(
  tenantId: string,
  records: number,
  scale = 1,
): Generator<readonly AppendRecord[], void> {
  const history = historyOf(tenantId, seed, scale);
  const size = Math.floor(recordsPerAppend / scale);
  for (let left = records; left > 0; left -= size)
    yield Array.from({ length: Math.min(left, size) }, () => ({
      key: tenantId,
      value: history.next().value.value,
    }));
}

/** Returns the offset where the partition ends then. */
async function append(
  wal: Wal,
  partition: number,
  batches: Iterable<readonly AppendRecord[]>,
): Promise<number> {
  const lane = await wal.openLane(walTopic, partition);
  for (const batch of batches) await lane.append(batch);
  await lane.close();
  return (await wal.bounds(walTopic, partition)).endOffset;
}

/** A new tenant each round, whose records come as fast as the embedded log takes them: that is within the time of the archiver. */
export async function archiveContest(
  options: ContestOptions,
  archiving: Archiving,
): Promise<Contest> {
  const { store, tenant } = options;
  const { segments } = tenant;
  const texts = await textsOf(store, segments);
  const records = segments.reduce((sum, segment) => sum + segment.records, 0);
  let rounds = 0;
  const ours: Contender = {
    name: 'archiver',
    aim: 0.6,
    round: async () => {
      rounds += 1;
      const tenantId = `round-${rounds}`;
      const batches = [...batchesOf(tenantId, records)];
      const started = performance.now();
      await archiving.archive(tenantId, batches);
      const seconds = (performance.now() - started) / 1000;
      return { perSecond: records / seconds };
    },
  };
  let puts = 0;
  return {
    title: 'archiving',
    terms: `${records} records of one tenant; the limit packs the same lines, in as many pieces, and stores them durably`,
    limit: inFolder(options, 'gzip, PUT', records, () => {
      puts += 1;
      return packAndPut(store, `raw/${puts}`, texts);
    }),
    contenders: [withCpu(ours, archiving.archiver, records)],
  };
}

/** Of the archiver's process. */
function withCpu(contender: Contender, service: Service, records: number): Contender {
  return {
    ...contender,
    round: async (seconds) => {
      const before = await cpuSecondsOf(service);
      const sample = await contender.round(seconds);
      const used = (await cpuSecondsOf(service)) - before;
      return { ...sample, cpuUs: (used * 1e6) / records };
    },
  };
}
