/**
 * Who answers for which tenant: learnt from the gateway, kept for a while, asked anew when an answer proves it wrong. Old
 * knowledge is used when new cannot be had: an applier that does not own a tenant says who does.
 */
import { EntError, partitionOf, shardOf, type Clock } from '@entdb/base';
import type { GetTopologyResponse } from '@entdb/contracts';

export interface Topology {
  /** Addresses of the replicas that own the tenant, the preferred one first. Throws NOT_CAUGHT_UP where nobody is known. */
  replicasOf(tenantId: string): Promise<readonly string[]>;
  replicasOfShard(shard: number): Promise<readonly string[]>;
  /** How many shards there are. */
  shards(): Promise<number>;
  /** Whether an owner that an error names may be asked. */
  readonly followsOwner: boolean;
  /** This one did not answer: the others are asked before it, and the map is asked anew. */
  avoid(address: string | undefined): void;
}

export interface TopologyOptions {
  readonly clock: Clock;
  readonly ask: () => Promise<GetTopologyResponse>;
  readonly maxAgeMs: number;
  /** How long a replica that failed stays behind the others. */
  readonly avoidMs: number;
}

interface Known {
  readonly map: GetTopologyResponse;
  readonly at: number;
}

export function createTopology({ clock, ask, maxAgeMs, avoidMs }: TopologyOptions): Topology {
  let known: Known | undefined;
  let stale = false;
  let asking: Promise<Known> | undefined;
  const avoided = new Map<string, number>();

  async function refresh(): Promise<Known> {
    asking ??= ask()
      .then((map) => {
        stale = false;
        known = { map, at: clock.monotonic() };
        return known;
      })
      .finally(() => {
        asking = undefined;
      });
    return asking;
  }

  async function current(): Promise<GetTopologyResponse> {
    const old = known;
    if (old && !stale && clock.monotonic() - old.at < maxAgeMs) return old.map;
    try {
      return (await refresh()).map;
    } catch (error) {
      if (old) return old.map; // better than none, and corrected by WRONG_OWNER
      throw error;
    }
  }

  const isAvoided = (address: string): boolean =>
    (avoided.get(address) ?? -Infinity) > clock.monotonic();
  /** Stable, so that one program reads from one replica: its cache is warm, and it sees a steady history. */
  const preferred = (addresses: readonly string[]): readonly string[] =>
    addresses.toSorted((a, b) => Number(isAvoided(a)) - Number(isAvoided(b)) || (a < b ? -1 : 1));
  const ofShard = ({ appliers }: GetTopologyResponse, shard: number): readonly string[] =>
    preferred(appliers.filter((applier) => applier.shard === shard).map(({ address }) => address));

  const replicasIn = (
    map: GetTopologyResponse,
    shard: number,
    whose: string,
  ): readonly string[] => {
    const replicas = ofShard(map, shard);
    if (replicas.length > 0) return replicas;
    stale = true;
    throw nobody(`nobody is known to answer queries for ${whose}`);
  };

  return {
    followsOwner: true,
    replicasOf: async (tenantId) => {
      const map = await current();
      return replicasIn(
        map,
        shardOf(partitionOf(tenantId, map.partitions), map.shards),
        `the tenant ${tenantId}`,
      );
    },
    replicasOfShard: async (shard) => replicasIn(await current(), shard, `shard ${shard}`),
    shards: async () => (await current()).shards,
    avoid: (address) => {
      stale = true;
      if (address !== undefined) avoided.set(address, clock.monotonic() + avoidMs);
    },
  };
}

function nobody(problem: string): EntError {
  return new EntError('NOT_CAUGHT_UP', problem, {
    hint: 'an applier announces itself within a second or two of its start; is one running?',
  });
}

/** Everything at one address, for example behind a proxy that routes by path. */
export function fixedTopology(address: string): Topology {
  return {
    followsOwner: false,
    replicasOf: () => Promise.resolve([address]),
    replicasOfShard: () => Promise.resolve([address]),
    shards: () => Promise.resolve(1),
    avoid: () => {},
  };
}
