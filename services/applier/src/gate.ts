import {
  EntError,
  isEntError,
  parseTenantId,
  partitionOf,
  shardOf,
  type TenantId,
} from '@entdb/base';
import { positionFromWire, type Position, type ReadScope } from '@entdb/contracts';
import type { FleetMap } from '@entdb/fleet';
import type { BehindState } from '@entdb/tenant-store';
import { walTopic } from '@entdb/wal';
import type { Progress } from './progress.ts';
import type { Tenants } from './tenants.ts';

/**
 * What every read passes before it may touch a file. It holds P5: a read that names a position goes on only when that position has been applied,
 * and otherwise fails; it never answers with less.
 */
export interface Gate {
  /** Throws WRONG_OWNER, INVALID_POSITION, POSITION_NOT_REACHED, TENANT_NOT_FOUND, NOT_CAUGHT_UP, TENANT_QUARANTINED. */
  enter(scope: ReadScope | undefined, signal: AbortSignal): Promise<TenantId>;
  /** Resolves when the tenant's files may be read, once it has been let in; throws TENANT_QUARANTINED, or the signal's reason. */
  settled(tenantId: TenantId, signal: AbortSignal): Promise<void>;
  /** The tenant's id and partition, without a wait: for calls that look after their position themselves. */
  own(tenantId: string): { readonly tenantId: TenantId; readonly partition: number };
  /** Checks that a position is of the tenant's own partition, and gives its offset. */
  offsetOf(position: Position, tenantId: string, partition: number): number;
}

export interface GateOptions {
  readonly shard: number;
  readonly shards: number;
  readonly partitions: number;
  readonly progress: Progress;
  readonly tenants: Tenants;
  /** Partitions that stand still, and why. */
  readonly lost: () => ReadonlyMap<number, EntError>;
  readonly fleet: FleetMap;
}

export function createGate(options: GateOptions): Gate {
  const { shard, shards, partitions, progress, tenants, lost, fleet } = options;

  const own: Gate['own'] = (text) => {
    const tenantId = parseTenantId(text);
    const partition = partitionOf(tenantId, partitions);
    const owner = shardOf(partition, shards);
    if (owner !== shard) throw wrongOwner(tenantId, owner, fleet);
    const gone = lost().get(partition);
    if (gone)
      throw new EntError(
        gone.retriable ? 'NOT_CAUGHT_UP' : 'TENANT_QUARANTINED',
        `tenant ${tenantId} cannot be brought up to date: ${gone.message}`,
        { tenantId, cause: gone, hint: gone.facts.hint ?? '', retryAfterMs: 1_000 },
      );
    return { tenantId, partition };
  };

  const offsetOf: Gate['offsetOf'] = (position, tenantId, partition) => {
    const { topic, partition: given, offset } = positionFromWire(position);
    if (topic !== walTopic || given !== partition) {
      throw new EntError(
        'INVALID_POSITION',
        `position ${topic}/${given}/${offset} is not of tenant ${tenantId}, whose log is ${walTopic}/${partition}`,
        {
          tenantId,
          field: 'scope.at_least',
          hint: 'send back a position as it was received for this tenant',
        },
      );
    }
    return offset;
  };

  const assertStanding = (tenantId: TenantId) => {
    const state = tenants.state(tenantId);
    if (state.kind !== 'quarantined') return;
    const partition = partitionOf(tenantId, partitions);
    throw new EntError(
      'TENANT_QUARANTINED',
      `tenant ${tenantId} stands still at offset ${state.fromOffset}: ${state.code}: ${state.reason}`,
      {
        tenantId,
        position: { topic: walTopic, partition, offset: state.fromOffset },
        retryAfterMs: 5_000,
      },
    );
  };

  return {
    own,
    offsetOf,
    async settled(tenantId, signal) {
      while (tenants.state(tenantId).kind === 'behind') await tenants.changed(tenantId, signal);
      assertStanding(tenantId);
    },
    async enter(scope, signal) {
      if (!scope)
        throw new EntError('INVALID_ARGUMENT', 'the request has no scope', {
          field: 'scope',
          hint: 'name the tenant: scope.tenant_id',
        });
      const { tenantId, partition } = own(scope.tenantId);
      if (scope.atLeast) {
        const offset = offsetOf(scope.atLeast, tenantId, partition);
        await reachedOf(tenantId, progress.reached(partition, offset, signal));
      }
      const state = tenants.state(tenantId);
      if (state.kind === 'behind') {
        throw new EntError(
          'NOT_CAUGHT_UP',
          `the files of tenant ${tenantId} are being made here: ${whyBehind(state)}`,
          { tenantId, retryAfterMs: 500, hint: 'retry, or ask another replica' },
        );
      }
      assertStanding(tenantId);
      if (!tenants.has(tenantId)) {
        if (!progress.caughtUp(partition)) {
          throw new EntError(
            'NOT_CAUGHT_UP',
            `this applier has not yet read the log to its end and does not know tenant ${tenantId}`,
            { tenantId, retryAfterMs: 500 },
          );
        }
        throw new EntError('TENANT_NOT_FOUND', `there is no tenant ${tenantId}`, {
          tenantId,
          hint: 'a tenant comes to be with its first write',
        });
      }
      return tenantId;
    },
  };
}

function whyBehind({ needs, fromOffset }: BehindState): string {
  return needs.kind === 'adoption'
    ? `it is restored in place at offset ${fromOffset}`
    : `they have no record from offset ${fromOffset} on`;
}

async function reachedOf(tenantId: TenantId, wait: Promise<void>): Promise<void> {
  try {
    await wait;
  } catch (error) {
    if (!isEntError(error, 'POSITION_NOT_REACHED')) throw error;
    throw new EntError(error.code, error.message, { ...error.facts, tenantId });
  }
}

function wrongOwner(tenantId: TenantId, owner: number, fleet: FleetMap): EntError {
  const addresses = fleet
    .appliers()
    .filter((applier) => applier.status.shard === owner)
    .map((applier) => applier.status.address);
  return new EntError('WRONG_OWNER', `tenant ${tenantId} belongs to shard ${owner}`, {
    tenantId,
    retryAfterMs: 100,
    metadata: {
      shard: String(owner),
      ...(addresses.length > 0 && { address: addresses[0]!, addresses: addresses.join(',') }),
    },
    hint:
      addresses.length > 0
        ? `ask ${addresses[0]}`
        : 'no applier of that shard has been heard of lately; retry',
  });
}
