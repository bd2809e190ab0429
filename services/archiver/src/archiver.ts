import { EntError, toError, type Clock, type Logger, type Rng } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { archiverGroup, walTopic, type Wal } from '@entdb/wal';
import { findLast } from './find-last.ts';
import { beginAt } from './hole.ts';
import type { Meters } from './meters.ts';
import { createPartitionArchive, type PartitionArchive } from './partition-archive.ts';
import type { Packers } from './packing/packers.ts';
import { createPatience } from './patience.ts';
import { cutEarly, type RollLimits } from './roll-policy.ts';
import { createSettler } from './settle.ts';
import { createTenantArchive, type PartitionView } from './tenant-archive.ts';
import { createTurns } from './turns.ts';

/**
 * The loop: the log's records go to their tenants' archives, in order; marks follow what is durable. Memory is bounded: whoever reads waits while too much
 * is held, and the largest buffers are cut early.
 */
export interface Archiver {
  /** Runs until the signal. Rejects when something is wrong that a restart may mend. */
  run(): Promise<void>;
  /** Resolves when it is known where each partition begins. */
  readonly begun: Promise<void>;
  readonly partitions: readonly PartitionArchive[];
  /** Why objects cannot be written or the log not be asked at present. */
  trouble(): string | undefined;
  /** Bytes of records that are held. */
  readonly held: number;
}

export interface ArchiverOptions {
  readonly wal: Wal;
  readonly store: ObjectStore;
  readonly owned: readonly number[];
  readonly limits: RollLimits;
  readonly packers: Pick<Packers, 'pack'>;
  readonly heldBytesMax: number;
  /** Lookups and segments at the same time, each. */
  readonly parallel: number;
  /** How often marks are set and the log's ends looked at. */
  readonly intervalMs: number;
  readonly tenantsMax: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly meters: Pick<Meters, 'segment' | 'failed' | 'unowned'>;
  readonly signal: AbortSignal;
}

/** Kafka forgets the marks of a group that has been silent for a week; so they are set again before. */
const markAgainAfterMs = 3_600_000;

export function createArchiver(options: ArchiverOptions): Archiver {
  const { wal, store, logger, clock, meters, heldBytesMax, signal } = options;
  const fault = new AbortController();
  const ended = AbortSignal.any([signal, fault.signal]);
  const patience = createPatience({ ...options, signal: ended, onFailure: meters.failed });
  const settler = createSettler({ store, wal, signal: ended });
  const turns = createTurns(options.parallel);
  const nowMs = () => clock.monotonic();
  const partitions: PartitionArchive[] = [];
  let held = 0;
  let released = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();

  const openTenant = (partition: number) => (tenantId: string, view: PartitionView) =>
    createTenantArchive({
      tenantId,
      partition,
      view,
      limits: options.limits,
      packers: options.packers,
      settler,
      find: () => findLast(store, { tenantId, partition }, ended),
      bounds: () => wal.bounds(walTopic, partition),
      keepTrying: (what, work) => patience.keepTrying(what, work),
      inTurn: turns,
      nowMs,
      onHeld: (bytes) => {
        held += bytes;
        if (bytes >= 0) return;
        released.resolve();
        released = Promise.withResolvers();
      },
      onSegment: meters.segment,
      onStopped: (error) =>
        logger.error(
          { tenantId, partition, code: error.code, ...error.facts, err: error },
          'the archive of a tenant stops until somebody has looked',
        ),
      onFault: (error) => fault.abort(error),
      signal: ended,
    });

  const begin = async (partition: number, mark: number | undefined): Promise<PartitionArchive> => {
    const { startOffset, endOffset } = await patience.keepTrying(
      'asking the log for its bounds',
      () => wal.bounds(walTopic, partition),
    );
    const beginning = beginAt(mark, startOffset);
    const archive = createPartitionArchive({
      partition,
      beginning,
      endOffset,
      beganMs: clock.now(),
      openTenant: openTenant(partition),
      tenantsMax: options.tenantsMax,
      onUnowned: meters.unowned,
      logger,
    });
    if (beginning.hole) reportHole(partition, beginning.hole);
    return archive;
  };

  const reportHole = (
    partition: number,
    hole: { readonly from: number; readonly to: number },
  ): void =>
    logger.error(
      { code: 'ARCHIVE_GAP', partition, fromOffset: hole.from, toOffset: hole.to },
      'the log lost records before they were archived',
    );

  /** A mark says that everything before it is in the archive. In a store without any archive it speaks of another store. */
  const findMarks = async (): Promise<ReadonlyMap<number, number | undefined>> => {
    const marks = new Map<number, number | undefined>();
    for (const partition of options.owned)
      marks.set(
        partition,
        await patience.keepTrying('asking the log for a mark', () =>
          wal.committed(archiverGroup, walTopic, partition),
        ),
      );
    if ([...marks.values()].every((mark) => mark === undefined || mark === 0)) return marks;
    const isEmpty = await patience.keepTrying('looking for an archive', async () => {
      for await (const _ of store.folders('archive/', { signal: ended })) return false;
      return true;
    });
    if (!isEmpty) return marks;
    logger.warn(
      { marks: Object.fromEntries(marks) },
      'the object store holds no archive, so the marks are not believed: the log is archived from its beginning',
    );
    return new Map(options.owned.map((partition) => [partition, undefined]));
  };

  /** Waits until less is held, and sees to it. */
  const room = async (): Promise<void> => {
    while (held > heldBytesMax && !ended.aborted) {
      const tenants = partitions.flatMap((partition) => [...partition.tenants()]);
      const going = tenants.reduce((sum, tenant) => sum + (tenant.busy ? tenant.held : 0), 0);
      const candidates = tenants
        .filter((tenant) => !tenant.busy)
        .map((tenant) => ({ tenant, waiting: tenant.waiting }));
      for (const tenant of cutEarly(candidates, held - going - heldBytesMax / 2)) tenant.cutEarly();
      await Promise.race([released.promise, endOf(ended)]);
    }
  };

  const follow = async (): Promise<void> => {
    while (!ended.aborted) {
      const readable = partitions.filter(({ failure }) => failure === undefined);
      try {
        await wal.consume({
          topic: walTopic,
          from: new Map(readable.map(({ partition, nextOffset }) => [partition, nextOffset])),
          signal: ended,
          onBatch: async (batch) => {
            readable.find(({ partition }) => partition === batch.partition)?.take(batch);
            await room();
          },
        });
      } catch (error) {
        if (ended.aborted) return;
        await pass(error, readable);
      }
    }
  };

  /** What the log says of one partition must not keep the others. */
  const pass = async (error: unknown, readable: readonly PartitionArchive[]): Promise<void> => {
    if (!(error instanceof EntError)) throw error;
    const partition = readable.find((one) => one.partition === error.facts.position?.partition);
    if (!partition || error.status !== 'data_loss') throw error;
    if (error.code === 'LOG_START_PASSED') {
      const { startOffset } = await patience.keepTrying('asking the log for its bounds', () =>
        wal.bounds(walTopic, partition.partition),
      );
      const hole = { from: partition.nextOffset, to: startOffset };
      reportHole(partition.partition, hole);
      return partition.passHole(hole);
    }
    logger.error(
      { partition: partition.partition, code: error.code, ...error.facts, err: error },
      'a partition can no longer be read, and is not archived',
    );
    partition.fail(error);
  };

  const marked = new Map<number, { readonly offset: number; readonly atMs: number }>();
  const setMark = async (archive: PartitionArchive): Promise<void> => {
    const { partition } = archive;
    const offset = archive.mark();
    const last = marked.get(partition);
    if (last?.offset === offset && nowMs() - last.atMs < markAgainAfterMs) return;
    // Another archiver may be further on; a mark that steps back would only cost time, yet it would look like loss.
    const there = (await wal.committed(archiverGroup, walTopic, partition)) ?? 0;
    const furthest = Math.max(offset, there);
    await wal.commit(archiverGroup, walTopic, partition, furthest);
    archive.markSet(furthest);
    marked.set(partition, { offset, atMs: nowMs() });
  };

  /** Does a thing again and again, until the end. */
  const repeat = async (intervalMs: number, task: () => Promise<void> | void): Promise<void> => {
    while (!ended.aborted) {
      await task();
      await clock.sleep(intervalMs, ended).catch(() => {}); // an abort ends the loop
    }
  };

  const tendTenants = (): void => {
    for (const archive of partitions) {
      for (const tenant of archive.tenants()) tenant.tend();
      archive.forget();
    }
  };

  const tendMarks = async (): Promise<void> => {
    for (const archive of partitions)
      await patience.keepTrying('asking the log for its end and setting the mark', async () => {
        archive.observeEnd((await wal.bounds(walTopic, archive.partition)).endOffset);
        if (archive.failure === undefined) await setMark(archive);
      });
  };

  const unlessEnded = (error: unknown): void => {
    if (!ended.aborted) throw error;
  };

  return {
    begun: begun.promise,
    partitions,
    trouble: () => patience.trouble(),
    get held() {
      return held;
    },
    async run() {
      try {
        for (const [partition, mark] of await findMarks())
          partitions.push(await begin(partition, mark));
        begun.resolve();
        const { ageMsMax, idleMs } = options.limits;
        const lookMs = Math.min(options.intervalMs, ageMsMax / 2, idleMs / 2);
        const loops = [
          follow(),
          repeat(lookMs, tendTenants),
          repeat(options.intervalMs, tendMarks),
        ];
        await Promise.all(loops.map((loop) => loop.catch(fail)));
      } catch (error) {
        unlessEnded(error);
      }
      if (fault.signal.aborted) throw toError(fault.signal.reason);
      // What has become durable since the last look need not be read again.
      for (const archive of partitions) if (archive.failure === undefined) await setMark(archive);
    },
  };

  function fail(error: unknown): void {
    if (!ended.aborted) fault.abort(error);
  }
}

function endOf(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
}
