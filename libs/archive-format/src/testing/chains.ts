import { createHash } from 'node:crypto';
import { firstLink, nextLink, type ChainLink } from '../chain.ts';
import type { SegmentChecksum } from '../checksum.ts';
import { segmentDate, segmentName } from '../names.ts';
import { createTally } from '../tally.ts';

/** Where a record stands: all that a plan looks at. */
export interface Stand {
  readonly sequence: number;
  readonly offset: number;
  readonly timeMs: number;
}

export const partition = 5;

/** A chain over these records, without their bytes: segments of so many records each. */
export function chainOver(
  stands: readonly Stand[],
  sizes: readonly number[],
): readonly SegmentChecksum[] {
  const chain: SegmentChecksum[] = [];
  let link: ChainLink = firstLink({ tenantId: 'acme', topic: 'entdb-wal', partition });
  let taken = 0;
  for (const size of sizes) {
    const tally = createTally(link);
    for (const stand of stands.slice(taken, taken + size)) {
      const fault = tally.take({ ...stand, partition, value: new Uint8Array() });
      if (fault !== undefined) throw new Error(fault);
    }
    const counted = tally.read();
    if (!counted) break;
    taken += size;
    const segment = segmentName('acme', segmentDate(counted.firstTimeMs), counted.firstSequence);
    const sha256 = createHash('sha256').update(segment).digest('hex');
    const { tenantId, topic, previous } = link;
    const checksum = {
      tenantId,
      segment,
      sha256,
      bytes: 100,
      topic,
      partition,
      ...counted,
      previous,
    };
    chain.push(checksum);
    link = nextLink(checksum);
  }
  return chain;
}

/** A chain of segments of these sizes. */
export function chainOf(sizes: readonly number[]): readonly SegmentChecksum[] {
  const count = sizes.reduce((sum, size) => sum + size, 0);
  const stands = Array.from({ length: count }, (_, index) => ({
    sequence: index + 1,
    offset: 2 * index + 1,
    timeMs: 1_790_000_000_000 + 60_000_000 * index,
  }));
  return chainOver(stands, sizes);
}
