import type { Clock } from '@entdb/base';
import { encodeStatusRecord, type StatusRecord } from '@entdb/contracts';
import { statusTopic, walTopic, type Wal } from '@entdb/wal';
import type { Progress } from './progress.ts';
import type { Publisher } from './publisher.ts';
import type { Tenants } from './tenants.ts';

export interface StatusOptions {
  readonly instance: string;
  readonly address: string;
  readonly shard: number;
  readonly shards: number;
  readonly partitions: number;
  readonly owned: readonly number[];
  readonly progress: Progress;
  readonly tenants: Tenants;
  readonly publisher: Pick<Publisher, 'announce'>;
  readonly clock: Clock;
}

/** Names in one status record: enough to see what is wrong, and never more than a record may hold. */
const quarantinedNamesMax = 100;

/** Tells the fleet who this is and how far it is. */
export function publishStatus(options: StatusOptions): void {
  const { instance, progress, tenants, owned, clock } = options;
  const record: StatusRecord = {
    $typeName: 'entdb.v1.StatusRecord',
    service: 'applier',
    instance,
    atUs: BigInt(Math.round(clock.now() * 1000)),
    status: {
      case: 'applier',
      value: {
        $typeName: 'entdb.v1.ApplierStatus',
        shard: options.shard,
        shards: options.shards,
        partitions: options.partitions,
        address: options.address,
        progress: owned.map((partition) => {
          const { nextOffset, endOffset, lagMs } = progress.lag(partition);
          return {
            $typeName: 'entdb.v1.PartitionProgress',
            partition,
            nextOffset: BigInt(nextOffset),
            endOffset: BigInt(endOffset),
            lagMs: Math.min(lagMs, 0xffffffff),
          };
        }),
        tenants: BigInt(tenants.size),
        quarantinedTenantIds: [...tenants.troubled().keys()].slice(0, quarantinedNamesMax),
      },
    },
  };
  options.publisher.announce(statusTopic, 0, { key: instance, value: encodeStatusRecord(record) });
}

/** Looks up where the log ends, so that lag is seen even when nothing arrives. */
export async function observeEnds(
  wal: Pick<Wal, 'bounds'>,
  owned: readonly number[],
  progress: Progress,
): Promise<void> {
  await Promise.all(
    owned.map(async (partition) =>
      progress.observeEnd(partition, (await wal.bounds(walTopic, partition)).endOffset),
    ),
  );
}
