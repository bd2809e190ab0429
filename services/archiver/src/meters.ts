import type { Clock } from '@entdb/base';
import type { Metrics } from '@entdb/telemetry';
import type { PartitionArchive } from './partition-archive.ts';
import { exposureOf, type Retention } from './retention.ts';
import type { CutReason } from './roll-policy.ts';

export interface Meters {
  /** A segment and its checksum are durable. */
  segment(segment: {
    readonly reason: CutReason;
    readonly records: number;
    readonly bytes: number;
    readonly seconds: number;
  }): void;
  /** The store or the log failed, and is asked again. */
  failed(): void;
  /** A record that belongs to nobody. */
  unowned(): void;
  /** When an object became durable, in milliseconds since 1970; 0 before the first. */
  lastSuccessMs(): number;
}

/** What the gauges read: nothing before the archiver runs, and nothing where it is turned off. */
export interface Measured {
  readonly partitions: readonly PartitionArchive[];
  readonly held: number;
}

export interface MetersOptions {
  readonly measured: () => Measured;
  /** How much the log keeps, as it was last asked. */
  readonly retention: () => Retention;
  readonly clock: Clock;
}

const segmentBucketsSeconds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60];

export function createMeters(metrics: Metrics, options: MetersOptions): Meters {
  const { measured, retention, clock } = options;
  let lastSuccessMs = 0;
  const segments = metrics.counter<'reason'>({
    name: 'archive_segments_total',
    unit: 'count',
    sentence: 'Segments that became durable, by why they were cut.',
    labels: ['reason'],
  });
  const records = metrics.counter({
    name: 'archive_records_total',
    unit: 'count',
    sentence: 'Records in them.',
  });
  const bytes = metrics.counter({
    name: 'archive_bytes_total',
    unit: 'bytes',
    sentence: 'Their stored bytes.',
  });
  const times = metrics.histogram({
    name: 'archive_segment_seconds',
    unit: 'seconds',
    sentence: 'Time from cutting a segment until its checksum was read back.',
    buckets: segmentBucketsSeconds,
  });
  const failures = metrics.counter({
    name: 'archive_failures_total',
    unit: 'count',
    sentence: 'Calls of the object store or the log that failed and were tried again.',
  });
  const strangers = metrics.counter({
    name: 'archive_unowned_records_total',
    unit: 'count',
    sentence: 'Records under a key that is no tenant id, which are not archived.',
  });
  const lags = () => measured().partitions.map((partition) => partition.lag(clock.now()));
  const exposures = () => lags().map((lag) => exposureOf(lag, retention()));
  metrics.gauge({
    name: 'archive_lag_events',
    unit: 'count',
    sentence: 'Records on the log that are not in the archive.',
    read: () => lags().reduce((sum, lag) => sum + lag.records, 0),
  });
  metrics.gauge({
    name: 'archive_unarchived_age_ratio',
    unit: 'ratio',
    sentence: 'Age of the oldest record that is not in the archive, by how long the log keeps it.',
    read: () => Math.max(0, ...exposures().map(({ age }) => age)),
  });
  metrics.gauge({
    name: 'archive_unarchived_bytes_ratio',
    unit: 'ratio',
    sentence:
      'Bytes from the oldest record that is not in the archive to the end of the log, by how many the log keeps of a partition; 0 where only age bounds it.',
    read: () => Math.max(0, ...exposures().map(({ bytes }) => bytes)),
  });
  metrics.gauge({
    name: 'archive_stopped_tenants',
    unit: 'count',
    sentence: 'Tenants whose archive stands still because of a gap or a conflict.',
    read: () => measured().partitions.flatMap(stoppedTenants).length,
  });
  metrics.gauge({
    name: 'archive_stopped_partitions',
    unit: 'count',
    sentence: 'Partitions that lost records before they were archived, or cannot be read.',
    read: () => measured().partitions.filter(({ hole, failure }) => hole ?? failure).length,
  });
  metrics.gauge({
    name: 'archive_buffer_bytes',
    unit: 'bytes',
    sentence: 'Records that were read and are not in the archive, in memory.',
    read: () => measured().held,
  });
  metrics.gauge({
    name: 'archive_last_success_timestamp',
    unit: 'seconds',
    sentence: 'When a segment last became durable, in seconds since 1970; 0 before the first.',
    read: () => lastSuccessMs / 1000,
  });
  return {
    segment(segment) {
      lastSuccessMs = clock.now();
      segments.add(1, { reason: segment.reason });
      records.add(segment.records);
      bytes.add(segment.bytes);
      times.observe(segment.seconds);
    },
    failed: () => failures.add(1),
    unowned: () => strangers.add(1),
    lastSuccessMs: () => lastSuccessMs,
  };
}

/** Those whose archive stands still. */
export function stoppedTenants(
  partition: PartitionArchive,
): readonly { readonly tenantId: string; readonly code: string }[] {
  return [...partition.tenants()].flatMap(({ tenantId, verdict }) =>
    verdict ? [{ tenantId, code: verdict.code }] : [],
  );
}
