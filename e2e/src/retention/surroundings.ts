import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { startKafka, type BrokerCount } from '@entdb/deploy/kafka';
import { startFleet, type Fleet, type Service } from '@entdb/deploy/local';
import { startS3, type S3Server } from '@entdb/deploy/s3';
import { tenantDir, tenantFacts, type TenantFacts } from '@entdb/tenant-store';
import {
  archiverGroup,
  createKafkaWal,
  defaultTopicSettings,
  topicSpecs,
  walTopic,
  type LogBounds,
  type Wal,
} from '@entdb/wal';
import { alterTopic } from './topic.ts';

export const partitions = 2;
const bucket = 'entdb';
const readyTimeoutMs = 180_000;

/** A fleet with two appliers and an archiver, on brokers and an S3 server of its own. */
export interface Surroundings {
  readonly fleet: Fleet;
  readonly wal: Wal;
  readonly s3: S3Server;
  readonly dir: string;
  /** Changes settings of the topic. */
  alter(changes: Readonly<Record<string, string>>): Promise<void>;
  bounds(): Promise<readonly LogBounds[]>;
  /** What is below is in the archive, partition by partition. */
  marks(): Promise<readonly number[]>;
  /** What the applier's files say of a tenant. */
  factsOf(applier: Service, tenantId: string): TenantFacts;
  /** Runs the command line; resolves with its exit code and what it said. */
  entdb(args: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }>;
  stop(): Promise<void>;
}

export interface SurroundingsOptions {
  readonly brokers: BrokerCount;
  /** How long the log keeps a record, at first. */
  readonly retentionMs: number;
}

export async function openSurroundings(options: SurroundingsOptions): Promise<Surroundings> {
  const { brokers, retentionMs } = options;
  const dir = mkdtempSync(join(tmpdir(), 'entdb-retention-'));
  const closing: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closing.splice(0).toReversed()) await close();
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const copies = { replicationFactor: brokers, minInsyncReplicas: brokers === 1 ? 1 : 2 };
    const cluster = await startKafka({ brokers, dir: join(dir, 'kafka') });
    closing.push(() => cluster.stop());
    const s3 = await startS3({ dir: join(dir, 's3') });
    closing.push(() => s3.stop());
    await s3.createBucket(bucket);
    const wal = createKafkaWal({ brokers: cluster.bootstrap });
    closing.push(() => wal.close());
    const topics = { ...defaultTopicSettings, ...copies, walPartitions: partitions };
    await wal.createTopics(topicSpecs({ ...topics, walRetentionMs: retentionMs }));
    const alter = (changes: Readonly<Record<string, string>>) =>
      alterTopic(cluster.bootstrap, changes);
    const dataDir = join(dir, 'data');
    const env = {
      ENTDB_LOG: 'kafka',
      ENTDB_KAFKA_BROKERS: cluster.bootstrap.join(','),
      ENTDB_DATA_DIR: dataDir,
      ENTDB_WAL_PARTITIONS: String(partitions),
      ENTDB_WAL_REPLICATION_FACTOR: String(copies.replicationFactor),
      ENTDB_WAL_MIN_INSYNC_REPLICAS: String(copies.minInsyncReplicas),
      ENTDB_OBJECT_STORE: 's3',
      ENTDB_S3_BUCKET: bucket,
      ENTDB_S3_ENDPOINT: s3.endpoint,
      ENTDB_S3_REGION: s3.region,
      ENTDB_S3_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      ENTDB_S3_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
      ENTDB_ARCHIVE_IDLE: '200ms',
      ENTDB_ARCHIVE_MAX_AGE: '1s',
      ENTDB_ARCHIVE_SEGMENT_BYTES: '64KiB',
      ENTDB_STATUS_INTERVAL: '200ms',
    };
    const fleet = await startFleet({
      dataDir,
      kafkaBrokers: cluster.bootstrap,
      appliers: 2,
      archivers: 1,
      env,
    });
    closing.push(() => fleet.stop());
    await fleet.ready(readyTimeoutMs);
    const each = <T>(of: (partition: number) => Promise<T>) =>
      Promise.all(Array.from({ length: partitions }, (_, partition) => of(partition)));
    return {
      fleet,
      wal,
      s3,
      dir,
      alter,
      bounds: () => each((partition) => wal.bounds(walTopic, partition)),
      marks: () =>
        each(async (partition) => (await wal.committed(archiverGroup, walTopic, partition)) ?? 0),
      factsOf: (applier, tenantId) =>
        tenantFacts(tenantDir(fleet.storeDir(applier), tenantId), tenantId),
      entdb: (args) => runEntdb(args, env),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const program = fileURLToPath(new URL('../../../libs/cli/src/main.ts', import.meta.url));

async function runEntdb(args: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, said: `${out}${errors}` };
}
