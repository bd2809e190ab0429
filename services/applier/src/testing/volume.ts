/** An applier's loop in this process: the log in memory, the store on real files, without threads between. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { realClock, realRng, silentLogger, type Logger } from '@entdb/base';
import {
  openShard,
  openTenantReader,
  openTenantWriter,
  tenantDir,
  type Shard,
  type TenantReader,
} from '@entdb/tenant-store';
import { createMemoryWal, walTopic, type AppendRecord, type MemoryWal } from '@entdb/wal';
import { createDirectoryStore } from '@entdb/object-store';
import { createApplier, type Applier, type ApplierOptions } from '../applier.ts';
import { healFolders } from '../heal/folders.ts';
import type { HealEvent } from '../heal/healer.ts';
import { healerMethods } from '../heal/methods.ts';
import { createStoreAtHand } from '../heal/store-at-hand.ts';
import { createProgress, type Progress } from '../progress.ts';
import { createTenants, type Tenants } from '../tenants.ts';
import { createCheckpoints } from '../writer/checkpoints.ts';
import { writerMethods } from '../writer/methods.ts';
import type { WriterMethods } from '../writer/protocol.ts';

export const partition = 0;

export interface TestVolume {
  readonly dir: string;
  readonly wal: MemoryWal;
  readonly shard: Shard;
  readonly tenants: Tenants;
  readonly progress: Progress;
  readonly applier: Applier;
  readonly writer: ApplierOptions['writer'];
  /** Verdicts in the order in which they were told. */
  readonly told: readonly AppendRecord[];
  readonly heals: readonly HealEvent[];
  append(records: readonly AppendRecord[]): Promise<void>;
  /** Sets the loop going. */
  run(): void;
  /** Resolves when all that is on the log has been applied. */
  applied(): Promise<void>;
  read<T>(tenantId: string, body: (reader: TenantReader) => T): T;
  /** Ends the loop and lets go of the files; the log and the volume stay for another. */
  halt(): Promise<void>;
  close(): Promise<void>;
}

export type TestVolumeOptions = Partial<
  Pick<ApplierOptions, 'readers' | 'clock' | 'tail' | 'onTouched'> & {
    readonly openTenantsMax: number;
    readonly logger: Logger;
    /** Stands between the loop and the store. */
    readonly wrap: (writer: ApplierOptions['writer']) => ApplierOptions['writer'];
    readonly wrapHealer: (healer: ApplierOptions['healer']) => ApplierOptions['healer'];
    readonly wrapStore: (store: ApplierOptions['store']) => ApplierOptions['store'];
    /** A volume that is there already. */
    readonly dir: string;
    /** The folder of an object store, called objects. */
    readonly objects: string;
    readonly wrapLog: (wal: MemoryWal) => ApplierOptions['wal'];
  }
>;

export async function createVolume(
  options: TestVolumeOptions = {},
  wal: MemoryWal = createMemoryWal(),
): Promise<TestVolume> {
  const { logger = silentLogger, clock = realClock } = options;
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'entdb-volume-'));
  await wal.createTopics([
    {
      name: walTopic,
      partitions: 1,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      retentionMs: -1,
      maxMessageBytes: 1_000_000,
    },
  ]);
  const checkpoints = createCheckpoints(openTenantWriter);
  const shard = openShard({
    dir,
    topic: walTopic,
    partitions: 1,
    owned: [partition],
    openTenantsMax: options.openTenantsMax ?? 64,
    openWriter: checkpoints.openWriter,
    logger,
  });
  const methods = writerMethods(shard, [partition], checkpoints);
  const direct: ApplierOptions['writer'] = {
    call: async (method, params) => {
      const handler = methods[method] as (params: unknown) => Promise<never>; // a pair of WriterMethods, as over the thread
      return handler(params);
    },
  };
  const writer = options.wrap?.(direct) ?? direct;
  const { nextOffsets, tenants: known } = await writer.call<keyof WriterMethods & 'start'>(
    'start',
    null,
  );
  const tenants = createTenants(known);
  const progress = createProgress(walTopic, nextOffsets, clock);
  const told: AppendRecord[] = [];
  const heals: HealEvent[] = [];
  const ports = { clock, rng: realRng };
  const objects = options.objects ?? join(dir, 'objects');
  const store = createDirectoryStore({ directory: objects, ...ports });
  const ended = new AbortController();
  const healing = healerMethods({
    ...ports,
    dir,
    store,
    folders: healFolders(dir),
    logger,
    signal: ended.signal,
  });
  const directHealer: ApplierOptions['healer'] = {
    call: async (method, params) => {
      const handler = healing[method] as (params: unknown) => Promise<never>; // a pair of HealerMethods, as over the thread
      return handler(params);
    },
  };
  const atHand = createStoreAtHand(store, {
    objectStore: 'directory',
    dataDir: dirname(objects),
  });
  const applier = createApplier({
    healer: options.wrapHealer?.(directHealer) ?? directHealer,
    store: options.wrapStore?.(atHand) ?? atHand,
    healParallel: 2,
    onHeal: (event) => void heals.push(event),
    partitionOf: () => partition,
    wal: options.wrapLog?.(wal) ?? wal,
    writer,
    readers: options.readers ?? { forget: async () => {} },
    progress,
    tenants,
    publisher: { publish: (_topic, _partition, record) => void told.push(record) },
    tail: options.tail ?? { committed: () => {} },
    nextOffsets,
    logger,
    clock,
    rng: realRng,
    onApplied: () => {},
    onTouched: options.onTouched ?? (() => {}),
  });
  const stop = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const halt = async (): Promise<void> => {
    stop.abort(new Error('the test is over'));
    ended.abort(new Error('the test is over'));
    await running;
    shard.close();
  };
  return {
    dir,
    wal,
    shard,
    tenants,
    progress,
    applier,
    writer,
    told,
    heals,
    async append(records) {
      const lane = await wal.openLane(walTopic, partition);
      for (const record of records) await lane.append([record]);
      await lane.close();
    },
    run() {
      running = applier.run(stop.signal);
    },
    async applied() {
      const { endOffset } = await wal.bounds(walTopic, partition);
      if (endOffset > 0) await progress.reached(partition, endOffset - 1, stop.signal);
    },
    read(tenantId, body) {
      const reader = openTenantReader({ dir: tenantDir(dir, tenantId), tenantId });
      try {
        return body(reader);
      } finally {
        reader.close();
      }
    },
    async close() {
      await halt();
      await wal.close();
      rmSync(dir, { recursive: true, force: true });
    },
    halt,
  };
}

/** Looks again and again until it is so. Rejects when it takes too long: a condition that never comes must not hold up the tests. */
export async function eventually(isSo: () => boolean): Promise<void> {
  const late = AbortSignal.timeout(20_000);
  while (!isSo()) {
    late.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
