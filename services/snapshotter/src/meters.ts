import type { Clock } from '@entdb/base';
import type { Metrics } from '@entdb/telemetry';
import { ageMs, overdue, type Rules } from './schedule.ts';
import { standsStill, type TenantView } from './tenant.ts';

export interface Meters {
  /** A snapshot is durable, and was opened. */
  made(snapshot: { readonly bytes: number; readonly seconds: number }): void;
  /** A snapshot, a look at a tenant or a retention failed. */
  failed(): void;
  /** Retention removed something. */
  removed(what: { readonly objects: number; readonly bytes: number }): void;
  /** When a snapshot was last made, in milliseconds since 1970; 0 before the first. */
  lastSuccessMs(): number;
}

export interface MetersOptions {
  /** Nothing before the snapshotter runs, and nothing where it is turned off. */
  readonly tenants: () => readonly TenantView[];
  readonly rules: Rules;
  readonly clock: Clock;
}

const snapshotBucketsSeconds = [0.1, 0.5, 1, 5, 15, 60, 300, 1_800];
const hourMs = 3_600_000;

export function createMeters(metrics: Metrics, { tenants, rules, clock }: MetersOptions): Meters {
  let lastSuccessMs = 0;
  const made = metrics.counter({
    name: 'snapshots_made_total',
    unit: 'count',
    sentence: 'Snapshots that were uploaded, fetched again and opened.',
  });
  const failures = metrics.counter({
    name: 'snapshot_failures_total',
    unit: 'count',
    sentence: 'Snapshots, looks at a tenant and retentions that failed; they are tried again.',
  });
  const bytes = metrics.counter({
    name: 'snapshot_bytes_total',
    unit: 'bytes',
    sentence: 'Stored bytes of the snapshots made.',
  });
  const times = metrics.histogram({
    name: 'snapshot_seconds',
    unit: 'seconds',
    sentence: 'Time to make a snapshot, from looking at the archive until the manifest is durable.',
    buckets: snapshotBucketsSeconds,
  });
  const removedObjects = metrics.counter({
    name: 'retention_removed_objects_total',
    unit: 'count',
    sentence: 'Objects that retention removed.',
  });
  const removedBytes = metrics.counter({
    name: 'retention_removed_bytes_total',
    unit: 'bytes',
    sentence: 'Their stored bytes.',
  });
  metrics.gauge({
    name: 'snapshot_age_hours',
    unit: 'hours',
    sentence: 'Age of the oldest archived record that is in no snapshot, over all tenants.',
    read: () => oldestMs(tenants(), clock.now()) / hourMs,
  });
  metrics.gauge({
    name: 'snapshot_due_tenants',
    unit: 'count',
    sentence: 'Tenants of which a snapshot is due.',
    read: () => tenants().filter(({ waiting }) => overdue(waiting, rules, clock.now()) >= 1).length,
  });
  metrics.gauge({
    name: 'snapshot_stopped_tenants',
    unit: 'count',
    sentence: 'Tenants that get no snapshot because of damage or a disagreement.',
    read: () => tenants().filter(standsStill).length,
  });
  metrics.gauge({
    name: 'snapshot_last_success_timestamp_seconds',
    unit: 'seconds',
    sentence: 'When a snapshot was last made, in seconds since 1970; 0 before the first.',
    read: () => lastSuccessMs / 1000,
  });
  return {
    made(snapshot) {
      lastSuccessMs = clock.now();
      made.add(1);
      bytes.add(snapshot.bytes);
      times.observe(snapshot.seconds);
    },
    failed: () => failures.add(1),
    removed(what) {
      removedObjects.add(what.objects);
      removedBytes.add(what.bytes);
    },
    lastSuccessMs: () => lastSuccessMs,
  };
}

export function oldestMs(tenants: readonly TenantView[], nowMs: number): number {
  return tenants.reduce((oldest, { waiting }) => Math.max(oldest, ageMs(waiting, nowMs)), 0);
}
