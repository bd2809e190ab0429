import { create } from '@bufbuild/protobuf';
import { encodeErasure } from '@entdb/archive-format';
import { partitionOf, realClock, realRng, silentLogger, type Logger } from '@entdb/base';
import { encodeWalRecord, WalRecordSchema, type WalRecord } from '@entdb/contracts';
import type { ObjectStore } from '@entdb/object-store';
import { createMetrics } from '@entdb/telemetry';
import { topicSpecs, walTopic, type Wal } from '@entdb/wal';
import { createArchiver, type Archiver, type ArchiverOptions } from '../archiver.ts';
import { createMeters } from '../meters.ts';
import { createPackers } from '../packing/packers.ts';
import { bytesOf, photograph, readArchive, readLog, saidErasures } from './archive.ts';

export const partitions = 2;

/** One thread for all archivers of a spec. */
const packers = createPackers(1);
afterAll(() => packers.close());

/** Where archivers are tried: a log and a store of its own, empty. */
export interface World<W extends Wal = Wal> {
  readonly wal: W;
  readonly store: ObjectStore;
  /** How often a test may ask this log how far its marks are. */
  readonly pollMs?: number;
  close(): Promise<void>;
}

/** A record of a tenant, of about so many bytes. */
export function recordOf(tenantId: string, key: string, bytes = 0): Uint8Array {
  return encodeWalRecord(
    create(WalRecordSchema, {
      tenantId,
      idempotencyKey: key,
      requestHash: new Uint8Array(32),
      actor: 'x'.repeat(bytes),
      body: { case: 'tenantCreated', value: {} },
    }),
  );
}

/** A record that ends a tenant. */
export function deletionOf(tenantId: string, key: string, erase: boolean): Uint8Array {
  const body: WalRecord['body'] = {
    case: 'tenantDeleted',
    value: { $typeName: 'entdb.v1.TenantDeleted', erase },
  };
  return encodeWalRecord(create(WalRecordSchema, { tenantId, idempotencyKey: key, body }));
}

/** A log and a store, and as many archivers on them as a test wants, one after another or at once. */
export interface Bench<W extends Wal = Wal> {
  readonly wal: W;
  readonly store: ObjectStore;
  /** Appends so many records of each tenant, in turns. */
  append(tenants: readonly string[], each?: number, bytes?: number): Promise<void>;
  appendBytes(tenantId: string, value: Uint8Array, partition?: number): Promise<void>;
  start(options?: Partial<ArchiverOptions>): Running;
  /** Resolves when the store holds, of each tenant, exactly what the log holds; fails when something else is found. */
  verify(): Promise<void>;
  close(): Promise<void>;
}

export interface Running {
  readonly archiver: Archiver;
  readonly metrics: () => Promise<string>;
  readonly lines: readonly string[];
  /** Rejects where the archiver failed. */
  readonly ended: Promise<void>;
  /** Resolves when every record of the log is in the archive and the marks say so. */
  done(): Promise<void>;
  stop(): Promise<void>;
  /** Ends it without waiting for anything. */
  abandon(): void;
}

export async function createBench<W extends Wal>(world: World<W>): Promise<Bench<W>> {
  const { wal, store, pollMs } = world;
  await wal.createTopics(
    topicSpecs({
      walPartitions: partitions,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      walRetentionMs: 3_600_000,
    }),
  );
  const lanes = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => wal.openLane(walTopic, partition)),
  );
  const running = new Set<Running>();
  let count = 0;

  const appendBytes = async (
    tenantId: string,
    value: Uint8Array,
    partition = partitionOf(tenantId, partitions),
  ): Promise<void> => {
    await lanes[partition]!.append([{ key: tenantId, value }]);
  };

  return {
    wal,
    store,
    appendBytes,
    async append(tenants, each = 1, bytes = 0) {
      for (let i = 0; i < each; i += 1)
        for (const tenantId of tenants)
          await appendBytes(tenantId, recordOf(tenantId, `k${(count += 1)}`, bytes));
    },
    start(options = {}) {
      const stopping = new AbortController();
      const lines: string[] = [];
      const say = (_fields: object, message: string) => void lines.push(message);
      const logger: Logger = { ...silentLogger, warn: say, error: say };
      const metrics = createMetrics({ service: 'archiver', processMetrics: false });
      const measured = { partitions: [] as Archiver['partitions'], held: 0 };
      const meters = createMeters(metrics, {
        measured: () => archiver ?? measured,
        retention: () => ({ ms: 3_600_000, bytes: Infinity }),
        clock: realClock,
      });
      const archiver = createArchiver({
        wal,
        store,
        owned: Array.from({ length: partitions }, (_, partition) => partition),
        limits: { segmentBytes: 2_000, ageMsMax: 20, idleMs: 6 },
        packers,
        heldBytesMax: 1024 ** 2,
        parallel: 4,
        intervalMs: 5,
        tenantsMax: 1_000,
        logger,
        clock: realClock,
        rng: realRng,
        meters,
        signal: stopping.signal,
        ...options,
      });
      const ended = archiver.run();
      ended.catch(() => {}); // for whoever looks
      const self: Running = {
        archiver,
        lines,
        ended,
        metrics: async () => (await metrics.scrape()).body,
        done: () =>
          Promise.race([
            ended.then(() => {
              throw new Error('the archiver has ended');
            }),
            until(async () => {
              if (archiver.partitions.length < partitions) return false;
              for (const { partition } of archiver.partitions) {
                const mark = await wal.committed('entdb-archiver', walTopic, partition);
                if ((mark ?? 0) < (await wal.bounds(walTopic, partition)).endOffset) return false;
              }
              return true;
            }, pollMs),
          ]),
        async stop() {
          stopping.abort();
          await ended;
          running.delete(self);
        },
        abandon() {
          stopping.abort();
          running.delete(self);
        },
      };
      running.add(self);
      return self;
    },
    async verify() {
      for (const [tenantId, records] of await readLog(wal, partitions)) {
        const archive = await readArchive(store, tenantId);
        expect(await saidErasures(store, tenantId)).toEqual(archive.erasures.map(encodeErasure));
        expect(bytesOf(archive.records)).toEqual(bytesOf(records));
        expect(archive.records.map(({ sequence }) => sequence)).toEqual(
          records.map((_, index) => index + 1),
        );
      }
    },
    async close() {
      await Promise.all([...running].map((one) => one.stop().catch(() => {})));
      await world.close();
    },
  };
}

/** Resolves when the condition holds. */
export async function until(
  condition: () => Promise<boolean> | boolean,
  everyMs = 1,
): Promise<void> {
  while (!(await condition())) await realClock.sleep(everyMs);
}

/** The places at which an archiver is killed. */
export const steps = [
  'while looking up a tenant',
  'before the segment is written',
  'after the segment, before anybody knows',
  'while the segment is read back',
  'before the erasure is written',
  'after the erasure, before anybody knows',
  'while the erasure is read back',
  'before the checksum is written',
  'after the checksum, before anybody knows',
  'while the checksum is read back',
  'before the mark is set',
  'after the mark is set',
] as const;
export type Step = (typeof steps)[number];

export interface Doomed {
  readonly wal: Wal;
  readonly store: ObjectStore;
  /** Resolves when the step was reached. From then on nothing that the archiver asks for is done, and nothing answers. */
  readonly died: Promise<void>;
}

/** A log and a store as a process sees them that is killed when it is at this step for the n-th time. */
export function doom(wal: Wal, store: ObjectStore, at: Step, nth: number): Doomed {
  const died = Promise.withResolvers<void>();
  let dead = false;
  let times = 0;
  const never = new Promise<never>(() => {});
  const pass = async <T>(work: () => Promise<T>, before?: Step, after?: Step): Promise<T> => {
    const reach = (step: Step | undefined) => {
      if (dead || step !== at || (times += 1) < nth) return;
      dead = true;
      died.resolve();
    };
    reach(before);
    if (dead) return never;
    const result = await work();
    reach(after);
    return dead ? never : result;
  };
  const kindOf = (key: string) =>
    key.endsWith('.checksum') ? 'checksum' : key.startsWith('erasures/') ? 'erasure' : 'segment';
  return {
    died: died.promise,
    wal: {
      ...wal,
      commit: (...mark) =>
        pass(() => wal.commit(...mark), 'before the mark is set', 'after the mark is set'),
      committed: (...mark) => pass(() => wal.committed(...mark)),
      bounds: (...place) => pass(() => wal.bounds(...place)),
    },
    store: {
      ...store,
      create: (key, ...rest) => {
        const kind = kindOf(key);
        return pass(
          () => store.create(key, ...rest),
          `before the ${kind} is written`,
          `after the ${kind}, before anybody knows`,
        );
      },
      read: (key, ...rest) =>
        pass(() => store.read(key, ...rest), `while the ${kindOf(key)} is read back`),
      stat: (...args) => pass(() => store.stat(...args)),
      async *folders(...args) {
        await pass(async () => {}, 'while looking up a tenant');
        yield* store.folders(...args);
      },
      async *list(...args) {
        await pass(async () => {});
        yield* store.list(...args);
      },
    },
  };
}

/** Runs until it has died at the step, or has nothing left to do without coming to it. */
export async function runDoomed(
  bench: Bench,
  step: Step,
  nth: number,
  options: Partial<ArchiverOptions> = {},
): Promise<boolean> {
  const doomed = doom(bench.wal, bench.store, step, nth);
  const running = bench.start({ ...options, wal: doomed.wal, store: doomed.store });
  const end = await Promise.race([
    doomed.died.then(() => 'died' as const),
    running.done().then(() => 'done' as const),
  ]);
  running.abandon();
  return end === 'died';
}

/** Fails where an object of an earlier picture is gone or has changed. */
export async function assertKept(
  store: ObjectStore,
  earlier: ReadonlyMap<string, string>,
): Promise<void> {
  const now = await photograph(store);
  for (const [key, bytes] of earlier) expect([key, now.get(key)]).toEqual([key, bytes]);
}
