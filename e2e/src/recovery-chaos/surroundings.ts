import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRng, silentLogger } from '@entdb/base';
import { startKafka } from '@entdb/deploy/kafka';
import type { ObjectStore } from '@entdb/object-store';
import {
  createEmbeddedWal,
  createKafkaWal,
  defaultTopicSettings,
  topicSpecs,
  type Wal,
} from '@entdb/wal';
import { startStorePlace } from '../parts/store-place.ts';

/** A log and a store for objects of a run's own, and the settings by which programs find them. */
export interface Surroundings {
  readonly dir: string;
  readonly wal: Wal;
  readonly partitions: number;
  readonly store: ObjectStore;
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const { walPartitions: partitions } = defaultTopicSettings;

export async function openSurroundings(options: {
  readonly s3: boolean;
  readonly kafka: boolean;
}): Promise<Surroundings> {
  const dir = mkdtempSync(join(tmpdir(), 'entdb-recovery-chaos-'));
  const dataDir = join(dir, 'data');
  mkdirSync(dataDir, { recursive: true });
  const place = await startStorePlace(dataDir, options.s3);
  const brokers = options.kafka
    ? await startKafka({ brokers: 3, dir: join(dir, 'kafka') })
    : undefined;
  const wal = brokers
    ? createKafkaWal({
        brokers: brokers.bootstrap,
        logger: silentLogger,
        clock: realClock,
        rng: realRng,
      })
    : createEmbeddedWal({ directory: join(dataDir, 'log') });
  const copies = brokers ? {} : { replicationFactor: 1, minInsyncReplicas: 1 };
  await wal.createTopics(topicSpecs({ ...defaultTopicSettings, ...copies }));
  const store = place.open();
  return {
    dir,
    wal,
    partitions,
    store,
    env: {
      ENTDB_DATA_DIR: dataDir,
      ENTDB_WAL_PARTITIONS: String(partitions),
      ...place.env,
      ...(brokers
        ? { ENTDB_LOG: 'kafka', ENTDB_KAFKA_BROKERS: brokers.bootstrap.join(',') }
        : { ENTDB_LOG: 'embedded' }),
    },
    async stop() {
      await wal.close();
      await store.close();
      await brokers?.stop();
      await place.stop();
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
