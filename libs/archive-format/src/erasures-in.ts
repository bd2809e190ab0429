import { isErasure } from '@entdb/contracts';
import type { ChainLink } from './chain.ts';
import type { Erasure } from './erasure.ts';
import type { ArchivedRecord } from './line.ts';

export interface ErasureFinder {
  /** The next record of the tenant. */
  take(record: ArchivedRecord): void;
  /** Of the records so far. */
  readonly erasures: readonly Erasure[];
}

/** Which records from a link on erase the tenant. */
export function createErasureFinder(
  link: Pick<ChainLink, 'tenantId' | 'topic' | 'timeMsMin'>,
): ErasureFinder {
  const { tenantId, topic } = link;
  const erasures: Erasure[] = [];
  let timeMs = link.timeMsMin;
  return {
    erasures,
    take(record) {
      timeMs = Math.max(timeMs, record.timeMs);
      if (!isErasure(tenantId, record.value)) return;
      const { partition, offset, sequence } = record;
      erasures.push({ tenantId, topic, partition, offset, sequence, timeMs, epoch: null });
    },
  };
}
