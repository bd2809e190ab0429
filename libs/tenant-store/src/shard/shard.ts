import { EntError, invariant, type Logger } from '@entdb/base';
import { createInstalls } from './installs.ts';
import { decodeAll, groupByTenant, type PlacedBytes } from './records.ts';
import { createRoster } from './roster.ts';
import type { Shard, ShardNews } from './shard-api.ts';
import { behindFrom, type KnownTenant, type TenantFileState } from './known-tenant.ts';
import { createSyncRounds } from './sync-round.ts';
import { createTenantFiles, type OpenWriter } from './tenant-files.ts';
import { removeReplaced } from './tenant-folder.ts';
import { notJudged, verdictOn, type PublishedVerdict } from './verdicts.ts';
import { openVolume } from './volume.ts';

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

/** What a call has committed, as it grows. */
interface Told {
  readonly touched: { tenantId: string; offset: number }[];
  readonly verdicts: PublishedVerdict[];
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

  const installs = createInstalls({ dir, topic, roster, files, nextOffset, activate });

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
    install: (installation) => news(installs.install(installation)),
    passOver(tenantId, fromOffset) {
      installs.passOver(tenantId, fromOffset);
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
