import { EntError, invariant, type Logger } from '@entdb/base';
import { storedVerdict, tenantFacts, type TenantFacts } from '../transfer/facts.ts';
import { repeatOf } from '../write/verdict-table.ts';
import { decodeAll, groupByTenant, type PlacedBytes } from './records.ts';
import { createRoster, type TenantStateChange } from './roster.ts';
import { behindFrom, type KnownTenant, type TenantFileState } from './shard-file.ts';
import { createSyncRounds } from './sync-round.ts';
import { createTenantFiles, type OpenWriter } from './tenant-files.ts';
import { removeReplaced, replaceFolder } from './tenant-folder.ts';
import { notJudged, verdictOn, type PublishedVerdict } from './verdicts.ts';
import { openVolume } from './volume.ts';

/**
 * All tenants of one applier's volume, for one writer thread.
 *
 * - Each partition is applied in the order of its offsets, without gap; many records go into one transaction per tenant.
 * - A tenant that cannot go on stands still alone: the others of its partition go on, and nothing of it is lost, because its records stay in
 *   the log and it is caught up apart (`catchUp`) from where it stopped.
 * - A restore in place stops its tenant, too, until files that stand after it have been made and installed.
 * - A file that is missing, stale or damaged is moved aside and the tenant is rebuilt; an empty file never takes the place of a known tenant's.
 * - The checkpoint moves only after a sync, so that a power loss costs time, not records.
 *
 * Every method may throw STORE_UNAVAILABLE: then nothing is lost by calling it again with the same arguments.
 */
export interface Shard {
  /** The offset of a partition that must come next. */
  nextOffset(partition: number): number;
  /** Throws LOG_GAP. */
  apply(partition: number, records: readonly PlacedBytes[]): ShardProgress;
  /**
   * Feeds tenants of one partition that are `behind` with its records in [from, next), other tenants' included or not. It may begin again at or before
   * any tenant's `fromOffset`; what a tenant has is passed over. A tenant is active again when it has met the partition's own progress.
   */
  catchUp(step: CatchUp, records: readonly PlacedBytes[]): ShardProgress;
  /**
   * Puts files that were made elsewhere in the place of a tenant's that is not active: those that an adoption made, or those of a snapshot and the archive. It goes on from the
   * log after them, at once where nothing is missing. The verdict on an adopted restore is told. Throws INVALID_POSITION where the files are of another partition or have less
   * than the tenant had, STORE_MISSING, STORE_CORRUPT and UNKNOWN_FORMAT of the prepared files; then nothing has changed.
   */
  install(installation: Installation): ShardNews;
  /** A tenant that is behind has no record before the offset that its files have not: it goes on there. */
  passOver(tenantId: string, fromOffset: number): ShardNews;
  /**
   * A partition goes on at a later offset, because the log no longer holds those before it. Tenants of it that followed the log are behind from where it stood; those that are
   * expected and were not known are behind from their first record. Whoever has a record before the offset must be among them: the rest count as new.
   */
  beginAt(partition: number, offset: number, expected: readonly ExpectedTenant[]): ShardNews;
  /** Gives up on a tenant until the next start. */
  quarantine(tenantId: string, error: EntError): ShardNews;
  /**
   * Damage was found in a tenant's files: they are moved aside and the tenant is behind from its first record. Does nothing where that has happened already.
   */
  distrust(tenantId: string, error: EntError): ShardNews;
  tenants(): readonly KnownTenant[];
  /**
   * Syncs files that changed, a bounded number at a call so that records need not wait for all, and sees that open files are still in their
   * places. When all that had changed at the first call are synced, the checkpoints move and `done` is true.
   */
  sync(tenantsMax?: number): ShardSync;
  /** Throws STORE_MISSING when the volume was taken away or replaced. */
  assertIntact(): void;
  close(): void;
}

export interface CatchUp {
  readonly partition: number;
  readonly tenantIds: readonly string[];
  readonly from: number;
  readonly next: number;
}

/** What was committed and nobody has been told yet. */
export interface ShardNews {
  /** Tenants that have changed, and up to which offset. */
  readonly touched: readonly { readonly tenantId: string; readonly offset: number }[];
  /** Tenants whose state is another one now. */
  readonly states: readonly TenantStateChange[];
  readonly verdicts: readonly PublishedVerdict[];
}

export interface ShardProgress extends ShardNews {
  /** Of the partition. */
  readonly nextOffset: number;
}

export interface ShardSync extends ShardNews {
  readonly done: boolean;
  /** Tenants whose files were synced by this call. */
  readonly synced: number;
}

/** A tenant that others know of, as the archive does. */
export interface ExpectedTenant {
  readonly tenantId: string;
  /** Of its very first record; 0 where that is not known, as where the archive begins later. */
  readonly firstOffset: number;
}

export interface Installation {
  readonly tenantId: string;
  /** The tenant's files, closed and synced, on the file system of the volume. The folder moves into its place. */
  readonly prepared: string;
  /** Where the tenant goes on, if it is known that it has no record between its files and there. Left out: at the record after its files. */
  readonly fromOffset?: number;
}

export interface ShardOptions {
  readonly dir: string;
  readonly topic: string;
  readonly partitions: number;
  /** The partitions that this shard follows. */
  readonly owned: readonly number[];
  readonly openTenantsMax: number;
  readonly openWriter: OpenWriter;
  readonly logger: Logger;
}

export function openShard(options: ShardOptions): Shard {
  const { dir, topic, owned, logger } = options;
  const file = openVolume(options);
  removeReplaced(dir);
  const roster = createRoster(file, owned);
  const nextOffsets = new Map(owned.map((partition) => [partition, file.checkpoint(partition)]));
  const files = createTenantFiles({
    ...options,
    roster,
    beganAt: (partition) => file.checkpoint(partition),
  });
  const rounds = createSyncRounds(roster, files, nextOffsets);

  const nextOffset = (partition: number): number => {
    const offset = nextOffsets.get(partition);
    invariant(offset !== undefined, `partition ${partition} is of this shard`);
    return offset;
  };

  /** The tenant goes no further by itself. Without what it has its files would be of no use, wherever they come from. */
  const halt = (
    tenantId: string,
    state: TenantFileState,
    { syncedOffset }: Pick<KnownTenant, 'syncedOffset'> = roster.get(tenantId),
  ): void => {
    const before = roster.get(tenantId).state;
    files.letGo(tenantId);
    // Files that could not be synced have been given up: what halts the tenant is met again.
    if (roster.get(tenantId).state === before) roster.change([{ tenantId, state, syncedOffset }]);
  };

  const quarantined = (tenantId: string, fromOffset: number, error: EntError): TenantFileState => {
    logger.error(
      { tenantId, fromOffset, code: error.code, err: error },
      'tenant stands still: a record cannot be applied',
    );
    return { kind: 'quarantined', fromOffset, code: error.code, reason: error.message };
  };

  interface Told {
    readonly touched: { tenantId: string; offset: number }[];
    readonly verdicts: PublishedVerdict[];
  }

  /** Nobody shall wait for a verdict that does not come: a tenant that stands still judges none of these. */
  const refuse = (
    partition: number,
    records: readonly PlacedBytes[],
    reason: string,
    { verdicts }: Told,
  ): void => {
    for (const record of records)
      for (const placed of decodeAll(topic, partition, [record]).records)
        verdicts.push(...notJudged(placed, reason));
  };

  /** Applies one tenant's records; what goes wrong stops the tenant alone, unless the disk refuses. */
  const applyTenant = (
    tenantId: string,
    partition: number,
    records: readonly PlacedBytes[],
    told: Told,
  ): void =>
    files.trusting(tenantId, () => {
      const decoded = decodeAll(topic, partition, records);
      const writer = files.writer(tenantId);
      const result = writer.apply(decoded.records);
      files.wrote(tenantId);
      const syncedOffset = writer.position.offset;
      told.touched.push({ tenantId, offset: syncedOffset });
      for (const [i, outcome] of result.outcomes.entries())
        told.verdicts.push(...verdictOn(decoded.records[i]!, outcome));
      if (result.adoption) {
        const { offset: fromOffset } = result.adoption;
        const record = records.find(({ offset }) => offset === fromOffset)!;
        // The batch is of many records, and goes.
        const needs = {
          kind: 'adoption',
          record: { ...record, value: Buffer.from(record.value) },
        } as const;
        logger.info({ tenantId, fromOffset }, 'tenant is restored in place: waiting for its files');
        halt(tenantId, { kind: 'behind', fromOffset, needs }, { syncedOffset });
        return;
      }
      const poison = result.poison ?? decoded.poison;
      if (!poison) return;
      refuse(
        partition,
        records.filter(({ offset }) => offset >= poison.offset),
        poison.error.message,
        told,
      );
      halt(tenantId, quarantined(tenantId, poison.offset, poison.error), { syncedOffset });
    });

  /** Tenants that have met their partition's progress follow the log with the others from now on. */
  const activate = (tenantIds: readonly string[]): void => {
    const ready = tenantIds.flatMap((tenantId) => {
      // The checkpoint is past them already, so their files must be on disk before they are relied on.
      const syncedOffset = files.trusting(tenantId, () => files.sync(tenantId));
      return syncedOffset === undefined
        ? []
        : [{ tenantId, state: { kind: 'active' } as const, syncedOffset }];
    });
    if (ready.length === 0) return;
    roster.change(ready);
    logger.info({ tenants: ready.length, first: ready[0]!.tenantId }, 'tenants have caught up');
  };

  const goOnFrom = (tenantId: string, fromOffset: number, syncedOffset: number): void =>
    roster.change([{ tenantId, state: behindFrom(fromOffset), syncedOffset }]);

  const activateIfArrived = (tenantId: string): void => {
    const { state, partition } = roster.get(tenantId);
    if (state.kind === 'behind' && state.fromOffset >= nextOffset(partition)) activate([tenantId]);
  };

  const assertInstallable = (tenantId: string, { position }: TenantFacts): void => {
    const { partition, syncedOffset, state } = roster.get(tenantId);
    invariant(state.kind !== 'active', `tenant ${tenantId} follows the log`);
    const adopts = state.kind === 'behind' && state.needs.kind === 'adoption';
    const least = adopts ? state.fromOffset : syncedOffset;
    if (position.topic === topic && position.partition === partition && position.offset >= least)
      return;
    throw new EntError(
      'INVALID_POSITION',
      `prepared files stand at ${position.topic}/${position.partition}/${position.offset}; the tenant needs them at ${topic}/${partition}/${least} or later`,
      { tenantId, position },
    );
  };

  /** The restore's own verdict: the log is not read at that record again. */
  const adoptedVerdict = (tenantId: string, prepared: string): PublishedVerdict[] => {
    const { state, partition } = roster.get(tenantId);
    if (state.kind !== 'behind' || state.needs.kind !== 'adoption') return [];
    return decodeAll(topic, partition, [state.needs.record]).records.flatMap((placed) => {
      const row = storedVerdict(prepared, tenantId, placed.record.idempotencyKey);
      return row ? verdictOn(placed, repeatOf(placed, row)) : [];
    });
  };

  const news = ({ touched, verdicts }: Told = { touched: [], verdicts: [] }): ShardNews => ({
    touched,
    verdicts,
    states: roster.takeUntold(),
  });

  return {
    nextOffset,
    apply(partition, records) {
      const expected = nextOffset(partition);
      const first = records[0];
      invariant(first, 'a batch has records');
      if (first.offset !== expected) {
        throw new EntError(
          'LOG_GAP',
          `partition ${partition} of ${topic} goes on at offset ${first.offset}, and ${expected} must come next`,
          {
            position: { topic, partition, offset: expected },
            hint: 'records are missing from the log, or the volume belongs to another log',
          },
        );
      }
      const groups = groupByTenant(records, logger);
      const firstOffsets = [...groups].map(([id, own]) => [id, own[0]!.offset] as const);
      roster.learn(partition, new Map(firstOffsets));
      const told: Told = { touched: [], verdicts: [] };
      for (const [tenantId, own] of groups) {
        // The records of one that does not follow stay in the log, and it is caught up apart.
        const { state } = roster.get(tenantId);
        if (state.kind === 'active') applyTenant(tenantId, partition, own, told);
        else if (state.kind === 'quarantined') refuse(partition, own, state.reason, told);
      }
      nextOffsets.set(partition, records.at(-1)!.offset + 1);
      return { nextOffset: nextOffset(partition), ...news(told) };
    },
    catchUp({ partition, tenantIds, from, next }, records) {
      const told: Told = { touched: [], verdicts: [] };
      const arrived: string[] = [];
      const groups = groupByTenant(records, logger);
      for (const tenantId of tenantIds) {
        const { state, fedTo } = roster.get(tenantId);
        if (state.kind !== 'behind' || state.needs.kind !== 'records') continue;
        invariant(from <= fedTo, `tenant ${tenantId} is fed from ${fedTo}, not ${from}`);
        const own = (groups.get(tenantId) ?? []).filter(({ offset }) => offset >= fedTo);
        if (own.length > 0) applyTenant(tenantId, partition, own, told);
        if (roster.get(tenantId).state !== state) continue;
        const reached = Math.max(fedTo, next);
        roster.fed(tenantId, reached);
        if (reached >= nextOffset(partition)) arrived.push(tenantId);
      }
      activate(arrived);
      return { nextOffset: nextOffset(partition), ...news(told) };
    },
    install({ tenantId, prepared, fromOffset }) {
      const facts = tenantFacts(prepared, tenantId);
      assertInstallable(tenantId, facts);
      const { offset } = facts.position;
      const verdicts = adoptedVerdict(tenantId, prepared);
      files.abandon(tenantId);
      // Said before it is so: whatever files a crash leaves here, they are less than that, and the tenant is rebuilt.
      goOnFrom(tenantId, Math.max(offset + 1, fromOffset ?? 0), offset);
      replaceFolder(dir, tenantId, prepared);
      activateIfArrived(tenantId);
      return news({ touched: [{ tenantId, offset }], verdicts });
    },
    passOver(tenantId, fromOffset) {
      const { state, syncedOffset } = roster.get(tenantId);
      invariant(
        state.kind === 'behind' && state.needs.kind === 'records',
        `tenant ${tenantId} needs records`,
      );
      if (fromOffset > state.fromOffset) goOnFrom(tenantId, fromOffset, syncedOffset);
      activateIfArrived(tenantId);
      return news();
    },
    beginAt(partition, offset, expected) {
      const stood = nextOffset(partition);
      invariant(offset >= stood, `partition ${partition} goes on from ${stood}, not ${offset}`);
      const following = () =>
        roster
          .all()
          .filter((tenant) => tenant.partition === partition && tenant.state.kind === 'active');
      const left = offset > stood ? following() : [];
      for (const { tenantId } of left) files.letGo(tenantId);
      const fallen = left
        .map(({ tenantId }) => roster.get(tenantId))
        .filter(({ state }) => state.kind === 'active')
        .map(({ tenantId, syncedOffset }) => ({
          tenantId,
          syncedOffset,
          state: behindFrom(stood),
        }));
      const strangers = expected
        .filter(({ tenantId, firstOffset }) => !roster.has(tenantId) && firstOffset < offset)
        .map(({ tenantId, firstOffset }): KnownTenant => ({
          tenantId,
          partition,
          firstOffset,
          state: behindFrom(firstOffset),
          syncedOffset: -1,
        }));
      roster.change(fallen, { expected: strangers, checkpoints: new Map([[partition, offset]]) });
      nextOffsets.set(partition, offset);
      rounds.forget();
      return news();
    },
    quarantine(tenantId, error) {
      const { state, partition } = roster.get(tenantId);
      const fromOffset = state.kind === 'active' ? nextOffset(partition) : state.fromOffset;
      halt(tenantId, quarantined(tenantId, fromOffset, error));
      return news();
    },
    distrust(tenantId, error) {
      const { state } = roster.get(tenantId);
      const hasFiles =
        state.kind === 'active' || (state.kind === 'behind' && state.needs.kind === 'adoption');
      if (hasFiles) files.rebuild(tenantId, error);
      return news();
    },
    tenants: () => roster.all(),
    sync(tenantsMax = Infinity) {
      return { ...rounds.go(tenantsMax), ...news() };
    },
    assertIntact() {
      if (!file.intact())
        throw new EntError('STORE_MISSING', `the volume at ${dir} was taken away or replaced`, {
          hint: 'restart: the applier rebuilds it',
        });
    },
    close() {
      try {
        files.close();
      } finally {
        file.close();
      }
    },
  };
}
