import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { EntError, invariant, isEntError, parseTenantId, toError, type Logger } from '@entdb/base';
import {
  decodeWalRecord,
  encodeResultRecord,
  errorToDetail,
  positionToWire,
  type ResultRecord,
  type WalRecord,
} from '@entdb/contracts';
import type { ApplyOutcome, PlacedRecord, TenantWriter } from '../store.ts';
import { createHandleCache } from './handle-cache.ts';
import { openShardFile, type KnownTenant, type TenantFileState } from './shard-file.ts';

/**
 * All tenants of one applier's volume, for one writer thread.
 *
 * - Each partition is applied in the order of its offsets, without gap; many records go into one transaction per tenant.
 * - A tenant that cannot go on stands still alone: the others of its partition go on, and nothing of it is lost, because its records stay in
 *   the log and it is caught up apart (`catchUp`) from where it stopped.
 * - A file that is missing, stale or damaged is moved aside and the tenant is rebuilt; an empty file never takes the place of a known tenant's.
 * - The checkpoint moves only after a sync, so that a power loss costs time, not records.
 */
export interface Shard {
  /** The offset of a partition that must come next. */
  nextOffset(partition: number): number;
  /** Throws LOG_GAP, or STORE_UNAVAILABLE: then nothing is lost by trying the same batch again. */
  apply(partition: number, records: readonly PlacedBytes[]): ShardProgress;
  /**
   * Feeds a tenant that is `behind` with the records of its partition in [from, next), other tenants' included or not. The first call begins at the
   * state's `fromOffset`; each goes on where the last ended. The tenant is active again when it has met the partition's own progress.
   */
  catchUp(
    tenantId: string,
    from: number,
    next: number,
    records: readonly PlacedBytes[],
  ): ShardProgress;
  /** Gives up on a tenant until the next start. */
  quarantine(tenantId: string, error: EntError): ShardProgress;
  /** Damage was found in a tenant's files: they are moved aside and the tenant is behind from its first record. */
  distrust(tenantId: string, error: EntError): ShardProgress;
  tenants(): readonly KnownTenant[];
  /** Syncs the files that changed, then moves the checkpoints. Returns the number of files. */
  sync(): number;
  /** Throws STORE_MISSING when the volume was taken away or replaced. */
  assertIntact(): void;
  close(): void;
}

/** A record as it comes from the log. */
export interface PlacedBytes {
  readonly key: string;
  readonly offset: number;
  readonly timeMs: number;
  readonly value: Uint8Array;
}

export interface ShardProgress {
  readonly partition: number;
  readonly nextOffset: number;
  /** Tenants that have changed. Tell their readers and waiters now: it is committed. */
  readonly touched: readonly string[];
  /** Tenants whose state is another one now. */
  readonly states: readonly TenantStateChange[];
  /** Verdicts that were asked for, ready to be published. */
  readonly verdicts: readonly PublishedVerdict[];
}

export interface TenantStateChange {
  readonly tenantId: string;
  readonly partition: number;
  readonly state: TenantFileState;
}

export interface PublishedVerdict {
  /** Of entdb-results. */
  readonly partition: number;
  readonly tenantId: string;
  readonly value: Uint8Array;
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

export function openShard(options: ShardOptions): Shard {
  const { dir, topic, logger } = options;
  const file = openShardFile(options);
  const tenants = new Map<string, Tenant>();
  const startOffsets = new Map<number, number>();
  const nextOffsets = new Map<number, number>();
  const catchUps = new Map<string, number>();
  const synced = new Map<string, number>();
  const dirty = new Set<string>();
  /** Changes that no progress has told yet: a call that throws half-way must not swallow those it made before. */
  const untold: TenantStateChange[] = [];

  for (const tenant of file.tenants()) {
    // What stopped a tenant may be mended by now: a newer program, a repaired log.
    const { state } = tenant;
    if (!options.owned.includes(tenant.partition)) continue;
    const known: Tenant = {
      ...tenant,
      opened: false,
      state:
        state.kind === 'quarantined' ? { kind: 'behind', fromOffset: state.fromOffset } : state,
    };
    tenants.set(tenant.tenantId, known);
  }

  const startOffset = (partition: number): number => {
    const known = startOffsets.get(partition);
    if (known !== undefined) return known;
    const checkpoint = file.checkpoint(partition);
    startOffsets.set(partition, checkpoint);
    nextOffsets.set(partition, checkpoint);
    return checkpoint;
  };

  const nextOffset = (partition: number): number => {
    startOffset(partition);
    return nextOffsets.get(partition)!;
  };

  const syncOne = (writer: TenantWriter, tenantId: string) => {
    synced.set(tenantId, writer.sync());
    dirty.delete(tenantId);
  };

  const writers = createHandleCache<TenantWriter>({
    openMax: options.openTenantsMax,
    open: (tenantId) => {
      const tenant = tenants.get(tenantId)!;
      const reached =
        tenant.state.kind === 'behind' ? tenant.state.fromOffset : startOffset(tenant.partition);
      const create = !tenant.opened && reached <= tenant.firstOffset;
      const writer = options.openWriter({ dir: tenantDir(dir, tenantId), tenantId, create });
      if (writer.position.offset < tenant.syncedOffset) {
        const stale = new EntError(
          'STORE_CORRUPT',
          `files of tenant ${tenantId} end at offset ${writer.position.offset}, and had ${tenant.syncedOffset} before`,
          { tenantId },
        );
        writer.close();
        throw stale;
      }
      tenants.set(tenantId, { ...tenant, opened: true });
      return writer;
    },
    close: (writer, tenantId) => {
      if (dirty.has(tenantId)) syncOne(writer, tenantId);
      writer.close();
    },
  });

  const setState = (tenantId: string, state: TenantFileState): void => {
    const tenant = tenants.get(tenantId)!;
    tenants.set(tenantId, { ...tenant, state, syncedOffset: -1, opened: state.kind === 'active' });
    synced.delete(tenantId);
    file.setState(tenantId, state);
    untold.push({ tenantId, partition: tenant.partition, state });
  };

  const progressOf = (
    partition: number,
    touched: readonly string[] = [],
    verdicts: readonly PublishedVerdict[] = [],
  ): ShardProgress => ({
    partition,
    nextOffset: nextOffset(partition),
    touched,
    states: untold.splice(0),
    verdicts,
  });

  const stop = (tenantId: string, fromOffset: number, error: EntError): void => {
    logger.error(
      { tenantId, fromOffset, code: error.code, err: error },
      'tenant stands still: a record cannot be applied',
    );
    catchUps.delete(tenantId);
    writers.drop(tenantId);
    setState(tenantId, {
      kind: 'quarantined',
      fromOffset,
      code: error.code,
      reason: error.message,
    });
  };

  const rebuild = (tenantId: string, error: EntError): void => {
    const tenant = tenants.get(tenantId)!;
    logger.error(
      { tenantId, firstOffset: tenant.firstOffset, code: error.code, err: error },
      'tenant files cannot be trusted: rebuilding from the log',
    );
    catchUps.delete(tenantId);
    dirty.delete(tenantId);
    writers.drop(tenantId);
    moveAside(dir, tenantId);
    setState(tenantId, { kind: 'behind', fromOffset: tenant.firstOffset });
  };

  /** Applies one tenant's records; what goes wrong stops the tenant alone, unless the disk refuses. */
  const applyTenant = (
    tenantId: string,
    partition: number,
    records: readonly PlacedBytes[],
    verdicts: PublishedVerdict[],
  ): void => {
    const decoded = decodeAll(topic, partition, records);
    let writer: TenantWriter;
    try {
      writer = writers.get(tenantId);
      const result = writer.apply(decoded.records);
      dirty.add(tenantId);
      result.outcomes.forEach((outcome, i) => {
        const { record } = decoded.records[i]!;
        if (record.results) verdicts.push(publish(record, topic, partition, outcome));
      });
      const poison = result.poison ?? decoded.poison;
      if (!poison) return;
      const asked = decoded.records.find((placed) => placed.offset === poison.offset)?.record;
      if (asked?.results)
        verdicts.push(
          publish(asked, topic, partition, {
            kind: 'refused',
            offset: poison.offset,
            error: standsStill(tenantId, poison.error),
          }),
        );
      stop(tenantId, poison.offset, poison.error);
    } catch (error) {
      if (!isEntError(error, 'STORE_MISSING') && !isEntError(error, 'STORE_CORRUPT')) throw error;
      rebuild(tenantId, error);
    }
  };

  const learn = (partition: number, groups: ReadonlyMap<string, readonly PlacedBytes[]>): void => {
    const fresh = [...groups]
      .filter(([tenantId]) => !tenants.has(tenantId))
      .map(([tenantId, records]) => ({ tenantId, partition, firstOffset: records[0]!.offset }));
    if (fresh.length === 0) return;
    file.addTenants(fresh);
    for (const tenant of fresh)
      tenants.set(tenant.tenantId, {
        ...tenant,
        state: { kind: 'active' },
        syncedOffset: -1,
        opened: false,
      });
  };

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
      const touched: string[] = [];
      const verdicts: PublishedVerdict[] = [];
      for (const [tenantId, own] of groups) {
        const tenant = tenants.get(tenantId)!;
        if (tenant.state.kind !== 'active') continue; // its records stay in the log, and it is caught up apart
        applyTenant(tenantId, partition, own, verdicts);
        touched.push(tenantId);
      }
      nextOffsets.set(partition, records.at(-1)!.offset + 1);
      return progressOf(partition, touched, verdicts);
    },
    catchUp(tenantId, from, next, records) {
      const tenant = tenants.get(tenantId);
      invariant(tenant?.state.kind === 'behind', `tenant ${tenantId} is behind`);
      const { partition } = tenant;
      const expected = catchUps.get(tenantId) ?? tenant.state.fromOffset;
      invariant(from === expected, `tenant ${tenantId} is caught up from ${expected}, not ${from}`);
      const verdicts: PublishedVerdict[] = [];
      const own = records.filter((record) => record.key === tenantId);
      if (own.length > 0) applyTenant(tenantId, partition, own, verdicts);
      const stillGood = tenants.get(tenantId)!.state === tenant.state;
      if (stillGood) catchUps.set(tenantId, next);
      if (stillGood && next >= nextOffset(partition)) {
        catchUps.delete(tenantId);
        // Its files must be synced before the checkpoint, which is past them already, may be relied on again.
        syncOne(writers.get(tenantId), tenantId);
        setState(tenantId, { kind: 'active' });
        logger.info({ tenantId, partition, offset: next }, 'tenant has caught up');
      }
      return progressOf(partition, own.length > 0 ? [tenantId] : [], verdicts);
    },
    quarantine(tenantId, error) {
      const tenant = tenants.get(tenantId)!;
      const fromOffset =
        tenant.state.kind === 'active' ? nextOffset(tenant.partition) : tenant.state.fromOffset;
      stop(tenantId, fromOffset, error);
      return progressOf(tenant.partition);
    },
    distrust(tenantId, error) {
      const tenant = tenants.get(tenantId)!;
      if (tenant.state.kind === 'active') rebuild(tenantId, error);
      return progressOf(tenant.partition);
    },
    tenants: () => [...tenants.values()],
    sync() {
      const checkpoints = new Map(nextOffsets);
      const names = [...dirty];
      for (const tenantId of names) syncOne(writers.get(tenantId), tenantId);
      file.saveCheckpoints(checkpoints, synced);
      for (const [tenantId, offset] of synced) {
        const tenant = tenants.get(tenantId)!;
        if (tenant.state.kind === 'active')
          tenants.set(tenantId, { ...tenant, syncedOffset: offset });
      }
      synced.clear();
      return names.length;
    },
    assertIntact() {
      if (!file.intact())
        throw new EntError('STORE_MISSING', `the volume at ${dir} was taken away or replaced`, {
          hint: 'restart: the applier rebuilds it',
        });
    },
    close() {
      writers.close();
      file.close();
    },
  };
}

export function tenantDir(dir: string, tenantId: string): string {
  return join(dir, 'tenants', tenantId);
}

/** Keeps the files for a look later; the name of the copy counts up, because nothing here reads a clock. */
function moveAside(dir: string, tenantId: string): void {
  const from = tenantDir(dir, tenantId);
  if (!existsSync(from)) return;
  const aside = join(dir, 'quarantine');
  mkdirSync(aside, { recursive: true });
  const copies = readdirSync(aside).filter((name) => name.startsWith(`${tenantId}.`)).length;
  renameSync(from, join(aside, `${tenantId}.${copies + 1}`));
}

function groupByTenant(
  records: readonly PlacedBytes[],
  logger: Logger,
): ReadonlyMap<string, readonly PlacedBytes[]> {
  const groups = new Map<string, PlacedBytes[]>();
  for (const record of records) {
    const group = groups.get(record.key);
    if (group) group.push(record);
    else if (isTenantId(record.key)) groups.set(record.key, [record]);
    else
      logger.error(
        { offset: record.offset, key: record.key.slice(0, 140) },
        'a record under a key that is no tenant id belongs to nobody',
      );
  }
  return groups;
}

function isTenantId(key: string): boolean {
  try {
    parseTenantId(key);
    return true;
  } catch {
    return false; // the answer to the question
  }
}

function decodeAll(
  topic: string,
  partition: number,
  records: readonly PlacedBytes[],
): {
  readonly records: readonly PlacedRecord[];
  readonly poison?: { readonly offset: number; readonly error: EntError };
} {
  const decoded: PlacedRecord[] = [];
  for (const { key, offset, timeMs, value } of records) {
    try {
      decoded.push({ topic, partition, offset, timeMs, record: decodeWalRecord(key, value) });
    } catch (thrown) {
      const error =
        thrown instanceof EntError
          ? thrown
          : new EntError('RECORD_CORRUPT', toError(thrown).message, {
              tenantId: key,
              cause: thrown,
            });
      return { records: decoded, poison: { offset, error } };
    }
  }
  return { records: decoded };
}

function standsStill(tenantId: string, cause: EntError): EntError {
  return new EntError('TENANT_QUARANTINED', `tenant ${tenantId} stands still: ${cause.message}`, {
    tenantId,
    cause,
  });
}

function publish(
  record: WalRecord,
  topic: string,
  partition: number,
  outcome: ApplyOutcome,
): PublishedVerdict {
  const askedAt = positionToWire({ topic, partition, offset: outcome.offset, epoch: 0 });
  const message: ResultRecord = {
    $typeName: 'entdb.v1.ResultRecord',
    tenantId: record.tenantId,
    idempotencyKey: record.idempotencyKey,
    askedAt,
    verdict:
      outcome.kind === 'refused'
        ? { case: 'error', value: errorToDetail(outcome.error) }
        : { case: 'resultJson', value: outcome.resultJson },
  };
  return {
    partition: record.results!.partition,
    tenantId: record.tenantId,
    value: encodeResultRecord(message),
  };
}
