import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { partitionOf, realClock, realRng } from '@entdb/base';
import { decodeStatusRecord, type ArchiverStatus } from '@entdb/contracts';
import { createDirectoryStore } from '@entdb/object-store';
import { createEmbeddedWal, statusTopic, topicSpecs, walTopic, type Wal } from '@entdb/wal';
import * as fc from 'fast-check';
import { bytesOf, photograph, readArchive, readLog } from './testing/archive.ts';
import { assertKept, recordOf, until } from './testing/harness.ts';

/** The program itself, on the embedded log and a directory. */
const program = fileURLToPath(new URL('./main.ts', import.meta.url));
const rounds = Number(process.env['ENTDB_KILL_ROUNDS'] ?? 5);
const partitions = 4;
const tenants = Array.from({ length: 12 }, (_, i) => `tenant-${i}`);

interface Surroundings {
  readonly wal: Wal;
  readonly dir: string;
  append(count: number): Promise<void>;
}

let cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const task of cleanUp.toReversed()) await task();
  cleanUp = [];
});

async function surroundings(): Promise<Surroundings> {
  const dir = await mkdtemp(join(tmpdir(), 'entdb-archiver-'));
  cleanUp.push(() => rm(dir, { recursive: true }));
  const wal = createEmbeddedWal({ directory: join(dir, 'log') });
  cleanUp.push(() => wal.close());
  await wal.createTopics(
    topicSpecs({
      walPartitions: partitions,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      walRetentionMs: 604_800_000,
    }),
  );
  const lanes = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => wal.openLane(walTopic, partition)),
  );
  let written = 0;
  return {
    wal,
    dir,
    async append(count) {
      const batch = Array.from({ length: count }, () => tenants[(written += 1) % tenants.length]!);
      await Promise.all(
        batch.map((key, i) =>
          lanes[partitionOf(key, partitions)]!.append([
            {
              key,
              value:
                i % 17 === 0
                  ? Buffer.from(`rubbish ${i}`)
                  : recordOf(key, `k${written}-${i}`, i % 300),
            },
          ]),
        ),
      );
    },
  };
}

function startProgram(dir: string, env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [program], {
    env: {
      PATH: process.env['PATH'],
      ENTDB_DATA_DIR: dir,
      ENTDB_WAL_PARTITIONS: String(partitions),
      ENTDB_RPC_PORT: '0',
      ENTDB_HTTP_PORT: '0',
      ENTDB_INSTANCE: 'archiver-0',
      ENTDB_EXIT_WITH_PARENT: 'true',
      ENTDB_ARCHIVE_SEGMENT_BYTES: '4KiB',
      ENTDB_ARCHIVE_MAX_AGE: '100ms',
      ENTDB_ARCHIVE_IDLE: '30ms',
      ENTDB_STATUS_INTERVAL: '20ms',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => void (output += text));
  const http = async () => {
    const found = () => /"http":"([^"]+)"/.exec(output)?.[1];
    await until(() => found() !== undefined);
    return `http://${found()}`;
  };
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    await exited;
    return child.exitCode;
  };
  cleanUp.push(async () => void (await end('SIGKILL')));
  return { end, http, output: () => output };
}

/** Everything on the log is below the mark. */
const isArchived = async (wal: Wal): Promise<boolean> => {
  for (let partition = 0; partition < partitions; partition += 1) {
    const mark = (await wal.committed('entdb-archiver', walTopic, partition)) ?? 0;
    if (mark < (await wal.bounds(walTopic, partition)).endOffset) return false;
  }
  return true;
};

const lastStatus = async (wal: Wal): Promise<ArchiverStatus | undefined> => {
  const { endOffset } = await wal.bounds(statusTopic, 0);
  if (endOffset === 0) return undefined;
  let status: ArchiverStatus | undefined;
  const done = new AbortController();
  await wal.consume({
    topic: statusTopic,
    from: new Map([[0, endOffset - 1]]),
    signal: done.signal,
    onBatch: async ({ records }) => {
      const { key, value } = records[0]!;
      const record = decodeStatusRecord(key, value);
      if (record.status.case === 'archiver') status = record.status.value;
      done.abort();
    },
  });
  return status;
};

it(
  `completes what was cut off over ${rounds} rounds of SIGKILL, byte for byte`,
  async () => {
    const { wal, dir, append } = await surroundings();
    await mkdir(join(dir, 'objects')); // the first round may be killed before it has made it
    const store = createDirectoryStore({
      directory: join(dir, 'objects'),
      clock: realClock,
      rng: realRng,
    });
    cleanUp.push(() => store.close());
    // After so many objects of a round it is killed: the moment is chosen by its own work, not by a clock.
    const plan = fc.sample(fc.integer({ min: 0, max: 12 }), rounds);
    const objects = async () => (await photograph(store, 'archive/')).size;
    let before = new Map<string, string>() as ReadonlyMap<string, string>;
    for (const count of plan) {
      await append(150);
      const had = await objects();
      const running = startProgram(dir);
      await until(async () => (await objects()) >= had + count);
      await running.end('SIGKILL');
      const archived = await photograph(store, 'archive/');
      await assertKept(store, before);
      before = archived;
    }
    await append(50);
    const last = startProgram(dir);
    await until(() => isArchived(wal));
    expect(await last.end('SIGTERM')).toBe(0);
    await assertKept(store, before);
    const log = await readLog(wal, partitions);
    expect([...log.keys()].toSorted()).toEqual(tenants.toSorted());
    for (const [tenantId, records] of log) {
      const archive = await readArchive(store, tenantId);
      expect(bytesOf(archive.records)).toEqual(bytesOf(records));
    }
  },
  60_000 + rounds * 10_000,
);

it('says how far it is: to the fleet, at /health and at /metrics', async () => {
  const { wal, dir, append } = await surroundings();
  await append(30);
  const running = startProgram(dir);
  await until(() => isArchived(wal));
  const http = await running.http();
  await until(async () => (await (await fetch(`${http}/readyz`)).text()).includes('true'));
  await until(
    async () =>
      (await lastStatus(wal))?.progress.every(({ lagEvents }) => lagEvents === 0n) === true,
  );
  expect(await lastStatus(wal)).toMatchObject({
    enabled: true,
    index: 0,
    archivers: 1,
    trouble: '',
    stoppedTenants: 0n,
    progress: Array.from({ length: partitions }, (_, partition) => ({ partition, trouble: '' })),
  });
  expect(await (await fetch(`${http}/health`)).json()).toMatchObject({
    status: 'healthy',
    components: { wal: 'connected', s3: 'ok' },
    archive_enabled: true,
    archive_lag_events: 0,
  });
  const metrics = await (await fetch(`${http}/metrics`)).text();
  expect(metrics).toMatch(/^archive_lag_events\{service="archiver"\} 0$/m);
  expect(metrics).toMatch(/^archive_last_success_timestamp\{service="archiver"\} 1\d{9}/m);
  expect(await running.end('SIGTERM')).toBe(0);
});

it('turned off, does nothing and says so', async () => {
  const { wal, dir, append } = await surroundings();
  await append(10);
  const running = startProgram(dir, { ENTDB_ARCHIVE_ENABLED: 'false' });
  const http = await running.http();
  await until(async () => (await lastStatus(wal)) !== undefined);
  expect(await lastStatus(wal)).toMatchObject({ enabled: false, progress: [] });
  await until(async () => (await (await fetch(`${http}/readyz`)).text()).includes('true'));
  expect(await (await fetch(`${http}/health`)).json()).toMatchObject({
    status: 'healthy',
    components: { s3: 'disabled' },
    archive_enabled: false,
  });
  expect(await wal.committed('entdb-archiver', walTopic, 0)).toBeUndefined();
  expect(await running.end('SIGTERM')).toBe(0);
});
