import { EntError, partitionOf } from '@entdb/base';
import type { ReadScope } from '@entdb/contracts';
import { createFleetMap } from '@entdb/fleet';
import { behindFrom } from '@entdb/tenant-store';
import { walTopic } from '@entdb/wal';
import { createGate } from './gate.ts';
import { createProgress } from './progress.ts';
import { createTenants } from './tenants.ts';

const clock = { now: () => 1_000, monotonic: () => 1_000, sleep: () => Promise.resolve() };
const partitions = 8;
const signal = new AbortController().signal;
const tenantOf = (shard: number) => {
  for (let i = 0; ; i++) if (partitionOf(`t${i}`, partitions) % 2 === shard) return `t${i}`;
};
const [mine, theirs] = [tenantOf(0), tenantOf(1)];
const partition = partitionOf(mine, partitions);

function gateWith(
  options: {
    readonly shards?: number;
    readonly caughtUp?: boolean;
    readonly lost?: ReadonlyMap<number, EntError>;
  } = {},
) {
  const { shards = 2, caughtUp = true, lost = new Map<number, EntError>() } = options;
  const progress = createProgress(walTopic, new Map([[partition, 5]]), clock);
  if (caughtUp) progress.observeEnd(partition, 5);
  const tenants = createTenants([
    { tenantId: mine, partition, firstOffset: 0, state: { kind: 'active' }, syncedOffset: -1 },
  ]);
  const fleet = createFleetMap({ clock, silenceMaxMs: 10_000 });
  return {
    gate: createGate({ shard: 0, shards, partitions, progress, tenants, lost: () => lost, fleet }),
    progress,
    tenants,
    fleet,
  };
}

const scope = (
  tenantId: string,
  offset?: number,
  more: { partition?: number; topic?: string; epoch?: bigint } = {},
): ReadScope => ({
  $typeName: 'entdb.v1.ReadScope',
  tenantId,
  ...(offset !== undefined && {
    atLeast: {
      $typeName: 'entdb.v1.Position' as const,
      topic: walTopic,
      partition,
      offset: BigInt(offset),
      epoch: 0n,
      ...more,
    },
  }),
});

describe('the gate before every read', () => {
  it('lets a read pass whose position has been applied', async () => {
    const { gate } = gateWith();
    expect(await gate.enter(scope(mine), signal)).toBe(mine);
    expect(await gate.enter(scope(mine, 4), signal)).toBe(mine);
  });

  it('holds one back until its position has been applied (P5)', async () => {
    const { gate, progress } = gateWith();
    let passed = false;
    const entering = gate.enter(scope(mine, 5), signal).then(() => (passed = true));
    await new Promise(setImmediate);
    expect(passed).toBe(false);
    progress.advance(partition, 6, 6, 0);
    await entering;
  });

  it('names the tenant when the deadline comes first', async () => {
    const { gate } = gateWith();
    const late = AbortSignal.abort(new EntError('DEADLINE_EXCEEDED', 'too late'));
    await expect(gate.enter(scope(mine, 9), late)).rejects.toMatchObject({
      code: 'POSITION_NOT_REACHED',
      facts: { tenantId: mine },
    });
  });

  it.each([
    ['another partition', scope(mine, 1, { partition: partition + 1 })],
    ['another topic', scope(mine, 1, { topic: 'elsewhere' })],
    ['a negative offset', scope(mine, -1)],
  ])('refuses a position of %s (O8)', async (_what, wrong) => {
    await expect(gateWith().gate.enter(wrong, signal)).rejects.toMatchObject({
      code: 'INVALID_POSITION',
    });
  });

  it('names the owner of a tenant of another shard', async () => {
    const { gate, fleet } = gateWith();
    await expect(gate.enter(scope(theirs), signal)).rejects.toMatchObject({
      code: 'WRONG_OWNER',
      facts: { metadata: { shard: '1' } },
    });
    fleet.hear({
      $typeName: 'entdb.v1.StatusRecord',
      service: 'applier',
      instance: 'applier-1',
      atUs: 0n,
      status: {
        case: 'applier',
        value: {
          $typeName: 'entdb.v1.ApplierStatus',
          shard: 1,
          shards: 2,
          partitions,
          address: 'http://there:1',
          progress: [],
          tenants: 0n,
          quarantinedTenantIds: [],
        },
      },
    });
    await expect(gate.enter(scope(theirs), signal)).rejects.toMatchObject({
      facts: { metadata: { address: 'http://there:1' } },
    });
  });

  it('does not call a tenant absent before it has read the log to its end (#49)', async () => {
    const unknown = `${mine}-none`;
    const options = { shards: 1 };
    const own = partitionOf(unknown, partitions);
    const progress = createProgress(walTopic, new Map([[own, 0]]), clock);
    const gate = createGate({
      shard: 0,
      shards: options.shards,
      partitions,
      progress,
      tenants: createTenants([]),
      lost: () => new Map(),
      fleet: createFleetMap({ clock, silenceMaxMs: 1 }),
    });
    await expect(gate.enter(scope(unknown), signal)).rejects.toMatchObject({
      code: 'NOT_CAUGHT_UP',
    });
    progress.observeEnd(own, 0);
    await expect(gate.enter(scope(unknown), signal)).rejects.toMatchObject({
      code: 'TENANT_NOT_FOUND',
    });
  });

  it('answers for a tenant that stands still with the reason, and for one that is rebuilt with a hint to retry', async () => {
    const { gate, tenants } = gateWith();
    tenants.change({ tenantId: mine, partition, state: behindFrom(2) });
    await expect(gate.enter(scope(mine), signal)).rejects.toMatchObject({
      code: 'NOT_CAUGHT_UP',
      facts: { retryAfterMs: 500 },
    });
    tenants.change({
      tenantId: mine,
      partition,
      state: { kind: 'quarantined', fromOffset: 2, code: 'RECORD_CORRUPT', reason: 'checksum' },
    });
    await expect(gate.enter(scope(mine), signal)).rejects.toMatchObject({
      code: 'TENANT_QUARANTINED',
      facts: { position: { offset: 2 } },
    });
  });

  it('serves nothing of a partition whose records are gone from the log', async () => {
    const error = new EntError('LOG_START_PASSED', 'the log begins at 9');
    const { gate } = gateWith({ lost: new Map([[partition, error]]) });
    await expect(gate.enter(scope(mine), signal)).rejects.toMatchObject({
      code: 'TENANT_QUARANTINED',
    });
  });

  it('asks for patience while the object store may still help a partition', async () => {
    const error = new EntError('OBJECT_STORE_UNAVAILABLE', 'it does not answer');
    const { gate } = gateWith({ lost: new Map([[partition, error]]) });
    await expect(gate.enter(scope(mine), signal)).rejects.toMatchObject({
      code: 'NOT_CAUGHT_UP',
      facts: { retryAfterMs: 1_000 },
    });
  });
});
