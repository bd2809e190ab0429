import { EntError, invariant, isEntError, type Logger } from '@entdb/base';
import type { TenantWriter } from '../store.ts';
import { createHandleCache } from './handle-cache.ts';
import { decodeAll, groupByTenant, type PlacedBytes } from './records.ts';
import type { KnownTenant, TenantFileState } from './shard-file.ts';
import { openVolume } from './volume.ts';
import { identityOf, moveAside, tenantDir } from './tenant-folder.ts';
import { notJudged, verdictOn, type PublishedVerdict } from './verdicts.ts';

/**
 * All tenants of one applier's volume, for one writer thread.
 *
 * - Each partition is applied in the order of its offsets, without gap; many records go into one transaction per tenant.
 * - A tenant that cannot go on stands still alone: the others of its partition go on, and nothing of it is lost, because its records stay in
 *   the log and it is caught up apart (`catchUp`) from where it stopped.
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
  /** Gives up on a tenant until the next start. */
  quarantine(tenantId: string, error: EntError): ShardNews;
  /** Damage was found in a tenant's files: they are moved aside and the tenant is behind from its first record. */
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

export interface TenantStateChange {
  readonly tenantId: string;
  readonly partition: number;
  readonly state: TenantFileState;
}

export interface ShardOptions {
  readonly dir: string;
  readonly topic: string;
  readonly partitions: number;
  /** The partitions that this shard follows. */
  readonly owned: readonly number[];
  readonly openTenantsMax: number;
  readonly openWriter: (options: {
    readonly dir: string;
    readonly tenantId: string;
    readonly create: boolean;
  }) => TenantWriter;
  readonly logger: Logger;
}

interface Tenant extends KnownTenant {
  /** Whether its files were open in this process already: from then on they may not be missing. */
  readonly opened: boolean;
}

interface Handle {
  readonly writer: TenantWriter;
  readonly identity: string | undefined;
}

export function openShard(options: ShardOptions): Shard {
  const { dir, topic, owned, logger } = options;
  const file = openVolume(options);
  const tenants = new Map<string, Tenant>();
  const nextOffsets = new Map(owned.map((partition) => [partition, file.checkpoint(partition)]));
  /** How far tenants that are behind have been fed. */
  const fed = new Map<string, number>();
  /** Tenants whose files changed since their last sync. */
  const dirty = new Set<string>();
  /** Offsets synced since the last checkpoint. */
  const synced = new Map<string, number>();
  let round:
    | { readonly checkpoints: ReadonlyMap<number, number>; left: readonly string[] }
    | undefined;
  /** Changes that no news has told yet: a call that throws half-way must not swallow those it made before. */
  const untold: TenantStateChange[] = [];

  for (const tenant of file.tenants) {
    // What stopped a tenant may be mended by now: a newer program, a repaired log.
    const { state } = tenant;
    if (!owned.includes(tenant.partition)) continue;
    tenants.set(tenant.tenantId, {
      ...tenant,
      opened: false,
      state:
        state.kind === 'quarantined' ? { kind: 'behind', fromOffset: state.fromOffset } : state,
    });
  }

  const nextOffset = (partition: number): number => {
    const offset = nextOffsets.get(partition);
    invariant(offset !== undefined, `partition ${partition} is of this shard`);
    return offset;
  };

  const tenantOf = (tenantId: string): Tenant => {
    const tenant = tenants.get(tenantId);
    invariant(tenant, `tenant ${tenantId} is known`);
    return tenant;
  };

  const open = (tenantId: string): Handle => {
    const tenant = tenantOf(tenantId);
    const reached =
      tenant.state.kind === 'active'
        ? file.checkpoint(tenant.partition) // where this process began
        : tenant.state.fromOffset;
    const create = !tenant.opened && reached <= tenant.firstOffset;
    const writer = options.openWriter({ dir: tenantDir(dir, tenantId), tenantId, create });
    if (writer.position.offset < tenant.syncedOffset) {
      const { offset } = writer.position;
      writer.close();
      throw new EntError(
        'STORE_CORRUPT',
        `files of tenant ${tenantId} end at offset ${offset}, and had ${tenant.syncedOffset} before`,
        { tenantId },
      );
    }
    tenants.set(tenantId, { ...tenant, opened: true });
    return { writer, identity: identityOf(dir, tenantId) };
  };

  /** Throws STORE_MISSING, STORE_CORRUPT: the tenant must be rebuilt. */
  const syncFiles = (tenantId: string, { writer, identity }: Handle): number => {
    if (identityOf(dir, tenantId) !== identity)
      throw new EntError('STORE_MISSING', `files of tenant ${tenantId} were taken away`, {
        tenantId,
      });
    try {
      const offset = writer.sync();
      synced.set(tenantId, offset);
      dirty.delete(tenantId);
      return offset;
    } catch (error) {
      if (!isEntError(error, 'STORE_UNAVAILABLE') || wasNotTried(error)) throw error;
      // The system forgets what it could not write, and says yes the next time: only the log knows what is missing.
      throw new EntError('STORE_CORRUPT', `a sync of files of tenant ${tenantId} failed`, {
        tenantId,
        cause: error,
      });
    }
  };

  /** What goes wrong when files are let go is their own tenant's affair, whoever's turn it is. */
  const release = ({ writer, identity }: Handle, tenantId: string): void => {
    let untrusted: EntError | undefined;
    try {
      if (dirty.has(tenantId)) syncFiles(tenantId, { writer, identity });
    } catch (error) {
      if (mustBeRebuilt(error)) untrusted = error;
      else if (isEntError(error, 'STORE_UNAVAILABLE'))
        logger.warn({ tenantId, err: error }, 'files are not synced yet; the checkpoint waits');
      else throw error;
    } finally {
      writer.close();
    }
    if (untrusted) rebuild(tenantId, untrusted); // not before the files are closed: SQLite closes them by their names
  };

  const handles = createHandleCache<Handle>({
    openMax: options.openTenantsMax,
    open,
    close: release,
  });

  /** On disk first: what is not there has not happened. */
  const setStates = (
    changes: readonly { tenantId: string; state: TenantFileState; syncedOffset: number }[],
  ): void => {
    const changed = changes.map(({ tenantId, ...change }): Tenant => ({
      ...tenantOf(tenantId),
      ...change,
      opened: change.state.kind === 'active',
    }));
    file.save(changed);
    for (const tenant of changed) {
      const { tenantId, partition, state } = tenant;
      tenants.set(tenantId, tenant);
      fed.delete(tenantId);
      synced.delete(tenantId);
      untold.push({ tenantId, partition, state });
    }
  };

  const stop = (
    tenantId: string,
    fromOffset: number,
    error: EntError,
    { syncedOffset }: Pick<KnownTenant, 'syncedOffset'> = tenantOf(tenantId),
  ): void => {
    logger.error(
      { tenantId, fromOffset, code: error.code, err: error },
      'tenant stands still: a record cannot be applied',
    );
    handles.drop(tenantId);
    const { code, message: reason } = error;
    const state = { kind: 'quarantined', fromOffset, code, reason } as const;
    setStates([{ tenantId, state, syncedOffset }]);
  };

  const rebuild = (tenantId: string, error: EntError): void => {
    const { firstOffset } = tenantOf(tenantId);
    logger.error(
      { tenantId, firstOffset, code: error.code, err: error },
      'tenant files cannot be trusted: rebuilding from the log',
    );
    dirty.delete(tenantId);
    handles.drop(tenantId);
    moveAside(dir, tenantId);
    const state = { kind: 'behind', fromOffset: firstOffset } as const;
    setStates([{ tenantId, state, syncedOffset: -1 }]);
  };

  /** Does what the tenant's files are needed for; files that cannot be trusted are replaced, and the answer is undefined. */
  const trusting = <T>(tenantId: string, work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!mustBeRebuilt(error)) throw error;
      rebuild(tenantId, error);
      return undefined;
    }
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
    trusting(tenantId, () => {
      const decoded = decodeAll(topic, partition, records);
      const { writer } = handles.get(tenantId);
      const result = writer.apply(decoded.records);
      dirty.add(tenantId);
      told.touched.push({ tenantId, offset: writer.position.offset });
      for (const [i, outcome] of result.outcomes.entries())
        told.verdicts.push(...verdictOn(decoded.records[i]!, outcome));
      const poison = result.poison ?? decoded.poison;
      if (!poison) return;
      refuse(
        partition,
        records.filter(({ offset }) => offset >= poison.offset),
        poison.error.message,
        told,
      );
      // Without what is before the poison the files would be of no use, wherever they come from.
      stop(tenantId, poison.offset, poison.error, { syncedOffset: writer.position.offset });
    });

  const learn = (partition: number, groups: ReadonlyMap<string, readonly PlacedBytes[]>): void => {
    const fresh = [...groups]
      .filter(([tenantId]) => !tenants.has(tenantId))
      .map(([tenantId, records]): Tenant => ({
        tenantId,
        partition,
        firstOffset: records[0]!.offset,
        state: { kind: 'active' },
        syncedOffset: -1,
        opened: false,
      }));
    if (fresh.length === 0) return;
    file.save(fresh);
    for (const tenant of fresh) tenants.set(tenant.tenantId, tenant);
  };

  /** Tenants that have met their partition's progress follow the log with the others from now on. */
  const activate = (tenantIds: readonly string[]): void => {
    const ready = tenantIds.flatMap((tenantId) => {
      // The checkpoint is past them already, so their files must be on disk before they are relied on.
      const syncedOffset = trusting(tenantId, () => syncFiles(tenantId, handles.get(tenantId)));
      return syncedOffset === undefined
        ? []
        : [{ tenantId, state: { kind: 'active' } as const, syncedOffset }];
    });
    if (ready.length === 0) return;
    setStates(ready);
    logger.info({ tenants: ready.length, first: ready[0]!.tenantId }, 'tenants have caught up');
  };

  const news = ({ touched, verdicts }: Told = { touched: [], verdicts: [] }): ShardNews => ({
    touched,
    verdicts,
    states: untold.splice(0),
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
      learn(partition, groups);
      const told: Told = { touched: [], verdicts: [] };
      for (const [tenantId, own] of groups) {
        // The records of one that does not follow stay in the log, and it is caught up apart.
        const { state } = tenantOf(tenantId);
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
        const { state } = tenantOf(tenantId);
        if (state.kind !== 'behind') continue;
        const expected = fed.get(tenantId) ?? state.fromOffset;
        invariant(from <= expected, `tenant ${tenantId} is fed from ${expected}, not ${from}`);
        const own = (groups.get(tenantId) ?? []).filter(({ offset }) => offset >= expected);
        if (own.length > 0) applyTenant(tenantId, partition, own, told);
        if (tenantOf(tenantId).state !== state) continue;
        const reached = Math.max(expected, next);
        fed.set(tenantId, reached);
        if (reached >= nextOffset(partition)) arrived.push(tenantId);
      }
      activate(arrived);
      return { nextOffset: nextOffset(partition), ...news(told) };
    },
    quarantine(tenantId, error) {
      const { state, partition } = tenantOf(tenantId);
      stop(tenantId, state.kind === 'active' ? nextOffset(partition) : state.fromOffset, error);
      return news();
    },
    distrust(tenantId, error) {
      if (tenantOf(tenantId).state.kind === 'active') rebuild(tenantId, error);
      return news();
    },
    tenants: () => [...tenants.values()],
    sync(tenantsMax = Infinity) {
      if (!round) {
        for (const [tenantId, { identity }] of handles.entries())
          if (identityOf(dir, tenantId) !== identity)
            rebuild(tenantId, new EntError('STORE_MISSING', 'files were taken away', { tenantId }));
        round = { checkpoints: new Map(nextOffsets), left: [...dirty] };
      }
      const now = round.left.slice(0, tenantsMax);
      for (const tenantId of now)
        if (dirty.has(tenantId))
          // it may have been let go, and synced, meanwhile
          trusting(tenantId, () => syncFiles(tenantId, handles.get(tenantId)));
      round.left = round.left.slice(now.length);
      const done = round.left.length === 0;
      if (done) {
        const active = [...synced].flatMap(([tenantId, syncedOffset]) => {
          const tenant = tenantOf(tenantId);
          return tenant.state.kind === 'active' ? [{ ...tenant, syncedOffset }] : [];
        });
        file.saveCheckpoints(round.checkpoints, active);
        for (const tenant of active) tenants.set(tenant.tenantId, tenant);
        synced.clear();
        round = undefined;
      }
      return { done, synced: now.length, ...news() };
    },
    assertIntact() {
      if (!file.intact())
        throw new EntError('STORE_MISSING', `the volume at ${dir} was taken away or replaced`, {
          hint: 'restart: the applier rebuilds it',
        });
    },
    close() {
      try {
        handles.close();
      } finally {
        file.close();
      }
    },
  };
}

function mustBeRebuilt(error: unknown): error is EntError {
  return isEntError(error, 'STORE_MISSING') || isEntError(error, 'STORE_CORRUPT');
}

/** Whether a sync failed before it came to the disk. */
function wasNotTried(error: EntError): boolean {
  const { cause } = error.facts;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return ['EMFILE', 'ENFILE', 'ENOMEM'].includes(code);
}
