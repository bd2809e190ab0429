import type { ArchiverStatus } from '@entdb/contracts';
import { stoppedTenants } from './meters.ts';
import type { PartitionArchive } from './partition-archive.ts';
import { exposureOf, exposureTrouble, type Exposure, type Retention } from './retention.ts';

export interface ArchiverView {
  readonly enabled: boolean;
  readonly index: number;
  readonly archivers: number;
  readonly partitions: readonly PartitionArchive[];
  readonly retention: Retention;
  readonly trouble: string | undefined;
  readonly lastSuccessMs: number;
}

/** Names in one status record: enough to see what is wrong, and never more than a record may hold. */
const stoppedNamesMax = 100;

export function statusOf(view: ArchiverView, nowMs: number): ArchiverStatus {
  const stopped = view.partitions.flatMap(stoppedTenants);
  return {
    $typeName: 'entdb.v1.ArchiverStatus',
    enabled: view.enabled,
    index: view.index,
    archivers: view.archivers,
    progress: view.partitions.map((archive) => {
      const lag = archive.lag(nowMs);
      return {
        $typeName: 'entdb.v1.ArchiveProgress',
        partition: archive.partition,
        archivedOffset: BigInt(archive.mark()),
        endOffset: BigInt(archive.endOffset),
        lagEvents: BigInt(lag.records),
        oldestUnarchivedAgeMs: BigInt(Math.round(lag.ageMs)),
        trouble: troubleOf(archive, exposureOf(lag, view.retention)) ?? '',
      };
    }),
    stopped: stopped
      .slice(0, stoppedNamesMax)
      .map((tenant) => ({ $typeName: 'entdb.v1.StoppedArchive', ...tenant })),
    stoppedTenants: BigInt(stopped.length),
    trouble: view.trouble ?? '',
    lastSuccessUs: BigInt(Math.round(view.lastSuccessMs * 1000)),
  };
}

/** What is wrong with a partition as a whole. */
export function troubleOf(
  { failure, hole }: Pick<PartitionArchive, 'failure' | 'hole'>,
  exposure: Exposure,
): string | undefined {
  if (failure) return `${failure.code}: ${failure.message}`;
  if (hole)
    return `ARCHIVE_GAP: the log lost offsets ${hole.from} to ${hole.to - 1} before they were archived`;
  return exposureTrouble(exposure);
}
