import type { GetTopologyRequest, GetTopologyResponse } from '@entdb/contracts';
import type { Topology } from '../topology.ts';

export function createGetTopology({ fleet }: Topology, partitions: number) {
  return async (_request: GetTopologyRequest): Promise<GetTopologyResponse> => ({
    $typeName: 'entdb.v1.GetTopologyResponse',
    partitions,
    shards: fleet.shards(),
    appliers: fleet.appliers().map(({ instance, lastSeenMs, status }) => ({
      $typeName: 'entdb.v1.ApplierAddress',
      shard: status.shard,
      instance,
      address: status.address,
      lastSeenUs: BigInt(lastSeenMs) * 1_000n,
      progress: status.progress,
    })),
  });
}
