/** What depends on the log: order, marks, a broker that goes and comes, two archivers. The rest of the suites needs no brokers. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRng } from '@entdb/base';
import { startKafka, type KafkaCluster } from '@entdb/deploy/kafka';
import { createDirectoryStore } from '@entdb/object-store';
import { archiverGroup, createKafkaWal, walTopic, type Wal } from '@entdb/wal';
import { photograph, readArchive } from './testing/archive.ts';
import {
  assertKept,
  createBench,
  partitions,
  until,
  type Bench,
  type Running,
} from './testing/harness.ts';

jest.setTimeout(300_000);

const tenants = ['ann', 'bob', 'cyd', 'dan', 'eve'];
const pollMs = 50;
/** No mark is set at every turn: on brokers that is a call. */
const intervalMs = 100;

let dir: string;
let cluster: KafkaCluster;
let bench: Bench;
/** Another process's view of the log. */
let other: Wal;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entdb-archiver-kafka-'));
  cluster = await startKafka({ brokers: 1, dir: join(dir, 'kafka') });
  const wal = createKafkaWal({ brokers: cluster.bootstrap });
  other = createKafkaWal({ brokers: cluster.bootstrap });
  const directory = await mkdtemp(join(dir, 'objects-'));
  const store = createDirectoryStore({ directory, clock: realClock, rng: realRng });
  const close = async () => {
    await wal.close();
    await store.close();
  };
  bench = await createBench({ wal, store, pollMs, close });
});
afterAll(async () => {
  await bench?.close();
  await other?.close();
  await cluster?.stop();
  await rm(dir, { recursive: true });
});

const start = (limits = { segmentBytes: 2_000, ageMsMax: 200, idleMs: 60 }) =>
  bench.start({ intervalMs, limits });
const verdictsOf = ({ archiver }: Running) =>
  archiver.partitions.flatMap((partition) =>
    [...partition.tenants()].flatMap(({ verdict }) => verdict ?? []),
  );
const marks = () =>
  Promise.all(
    Array.from({ length: partitions }, (_, partition) =>
      other.committed(archiverGroup, walTopic, partition),
    ),
  );
const ends = () =>
  Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      const { endOffset } = await other.bounds(walTopic, partition);
      return endOffset;
    }),
  );

it('archives every record of every tenant once, in order, and sets the marks of its group', async () => {
  expect(await marks()).toEqual([undefined, undefined]);
  await bench.append(tenants, 10, 100);
  const running = start();
  await running.done();
  await bench.verify();
  expect(await marks()).toEqual(await ends());
  expect((await readArchive(bench.store, 'ann')).checksums.length).toBeGreaterThan(1);
  expect(running.lines).toEqual([]);
  await running.stop();
});

it('goes on at the marks, and says no word twice', async () => {
  const before = await photograph(bench.store);
  await bench.append(tenants, 4);
  const from = await marks();
  const running = start();
  await until(() => running.archiver.partitions.length === partitions);
  for (const { partition, nextOffset } of running.archiver.partitions)
    expect(nextOffset).toBeGreaterThanOrEqual(from[partition]!);
  await running.done();
  await bench.verify();
  await assertKept(bench.store, before);
  await running.stop();
});

it('outlives a broker that is killed while it reads and comes back later', async () => {
  await bench.append(tenants, 6, 300);
  const running = start({ segmentBytes: 600, ageMsMax: 200, idleMs: 60 });
  const objects = async () => (await photograph(bench.store, 'archive/')).size;
  const had = await objects();
  await until(async () => (await objects()) > had, pollMs);
  const broker = cluster.broker(1);
  await broker.kill();
  await until(() => running.archiver.trouble() !== undefined, pollMs);
  await broker.start();
  await bench.append(tenants.slice(0, 2), 3);
  await running.done();
  await bench.verify();
  expect(verdictsOf(running)).toEqual([]);
  expect(await marks()).toEqual(await ends());
  await until(() => running.archiver.trouble() === undefined, pollMs);
  await running.stop();
});

it('is one of two at once, which make one chain and set marks that never step back', async () => {
  const before = await photograph(bench.store);
  await bench.append(tenants, 8, 100);
  const racing = [400, 1_500].map((segmentBytes) =>
    start({ segmentBytes, ageMsMax: 200, idleMs: 60 }),
  );
  const seen: number[][] = [await marksOrZero()];
  const watch = until(async () => {
    seen.push(await marksOrZero());
    return racing.every(({ archiver }) => archiver.partitions.length > 0 && archiver.held === 0);
  }, pollMs);
  await bench.append(tenants, 4);
  await Promise.all([watch, ...racing.map((each) => each.done())]);
  await bench.verify();
  await assertKept(bench.store, before);
  for (const running of racing) expect(verdictsOf(running)).toEqual([]);
  for (const [i, mark] of seen.entries())
    if (i > 0) mark.forEach((offset, p) => expect(offset).toBeGreaterThanOrEqual(seen[i - 1]![p]!));
  await Promise.all(racing.map((each) => each.stop()));
});

const marksOrZero = async () => (await marks()).map((mark) => mark ?? 0);
