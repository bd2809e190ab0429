import type { GetTopologyResponse } from '@entdb/contracts';
import { eventually } from './eventually.ts';
import type { Server } from './server.ts';

/** Resolves when every applier says that it is at the end of every partition: after the last fault nobody has to help (P10). */
export function untilCaughtUp(
  gateway: Server,
  appliers: number,
  since = BigInt(Date.now()) * 1_000n,
): Promise<GetTopologyResponse> {
  return eventually('the appliers have caught up', async () => {
    const topology = await gateway.admin.getTopology({}, { timeoutMs: 5_000 });
    const fresh = topology.appliers.filter(({ lastSeenUs }) => lastSeenUs > since);
    const level = fresh.every(({ progress }) =>
      progress.every(({ nextOffset, endOffset, lagMs }) => nextOffset >= endOffset && lagMs === 0),
    );
    return fresh.length >= appliers && level && topology;
  });
}

/** Where each partition of the log ends. Two equal answers: nothing was written in between. */
export async function logEnds(gateway: Server, appliers = 1): Promise<readonly bigint[]> {
  const { partitions, appliers: told } = await untilCaughtUp(gateway, appliers);
  return Array.from({ length: partitions }, (_, partition) => {
    const ends = told.flatMap(({ progress }) =>
      progress.filter((one) => one.partition === partition).map(({ endOffset }) => endOffset),
    );
    return ends.reduce((a, b) => (a > b ? a : b), -1n);
  });
}
