import type { SegmentChecksum } from './checksum.ts';
import type { TallyStart } from './tally.ts';

/** Where the next segment of a tenant is to be joined on. */
export interface ChainLink extends TallyStart {
  readonly tenantId: string;
  readonly topic: string;
  readonly previous: SegmentChecksum['previous'];
}

/** Of a tenant that has no segment: its first begins at sequence 1. */
export function firstLink(tenant: Pick<ChainLink, 'tenantId' | 'topic' | 'partition'>): ChainLink {
  return { ...tenant, firstSequence: 1, offsetMin: 0, timeMsMin: 0, previous: null };
}

export function nextLink(previous: SegmentChecksum): ChainLink {
  const { tenantId, topic, partition, segment, sha256 } = previous;
  return {
    tenantId,
    topic,
    partition,
    firstSequence: previous.lastSequence + 1,
    offsetMin: previous.lastOffset + 1,
    timeMsMin: previous.lastTimeMs,
    previous: { segment, sha256 },
  };
}

/** The first place where a chain is none. */
export interface ChainFault {
  /**
   * `gap`: records are missing. `overlap`: records are there twice. `link`: it was not written after the segment before it.
   * `order`: its offsets or times step back. `stranger`: another tenant, topic or partition.
   */
  readonly kind: 'gap' | 'overlap' | 'link' | 'order' | 'stranger';
  /** The segment that does not follow from the one before. */
  readonly segment: string;
  readonly after: string | undefined;
  /** The sequence that had to come. */
  readonly sequence: number;
  readonly message: string;
}

export interface InspectedChain {
  /** From the first on as far as the chain is whole. */
  readonly whole: readonly SegmentChecksum[];
  readonly fault: ChainFault | undefined;
}

/**
 * Whether these checksums, in ascending order of sequence, are one chain: by sequence, by name and by hash. It may begin anywhere: retention
 * cuts the head off, and what must reach back to where is the caller's question (`planRange`).
 */
export function inspectChain(checksums: readonly SegmentChecksum[]): InspectedChain {
  for (const [index, checksum] of checksums.entries()) {
    const before = checksums[index - 1];
    const fault = before && linkFault(before, checksum);
    if (fault) return { whole: checksums.slice(0, index), fault };
  }
  return { whole: checksums, fault: undefined };
}

/** What keeps `next` from following `before`. */
export function linkFault(before: SegmentChecksum, next: SegmentChecksum): ChainFault | undefined {
  const sequence = before.lastSequence + 1;
  const fault = (kind: ChainFault['kind'], message: string): ChainFault => ({
    kind,
    segment: next.segment,
    after: before.segment,
    sequence,
    message: `${next.segment} after ${before.segment}: ${message}`,
  });
  if (next.tenantId !== before.tenantId) return fault('stranger', `tenant ${next.tenantId}`);
  if (next.topic !== before.topic || next.partition !== before.partition)
    return fault(
      'stranger',
      `${next.topic}/${next.partition}, not ${before.topic}/${before.partition}`,
    );
  if (next.firstSequence > sequence)
    return fault('gap', `records ${sequence} to ${next.firstSequence - 1} are missing`);
  if (next.firstSequence < sequence)
    return fault('overlap', `record ${next.firstSequence} is in the segment before, too`);
  if (next.previous?.segment !== before.segment)
    return fault('link', `it names ${next.previous?.segment ?? 'no segment'} as the one before`);
  if (next.previous.sha256 !== before.sha256)
    return fault('link', 'it was written after other bytes of the segment before');
  if (next.firstOffset <= before.lastOffset)
    return fault('order', `offset ${next.firstOffset} after offset ${before.lastOffset}`);
  if (next.firstTimeMs < before.lastTimeMs)
    return fault('order', `log time ${next.firstTimeMs} after log time ${before.lastTimeMs}`);
  return undefined;
}
