import type { Clock } from '@entdb/base';
import type { Metrics } from '@entdb/telemetry';
import { ageMs, overdue, type Rules } from './schedule.ts';
import { standsStill, type TenantView } from './tenant.ts';

export interface Meters {
  /** A snapshot is durable, and was opened. */
  made(snapshot: {
    readonly bytes: number;
    readonly seconds: number;
    /** So many published digests were found the same. */
    readonly compared: number;
  }): void;
  /** Digests of a tenant that ought to be the same are not. */
  disagreed(): void;
  /** A snapshot, a look at a tenant or a retention failed. */
  failed(): void;
  /** Retention removed something. */
  removed(what: { readonly objects: number; readonly bytes: number }): void;
  /** When a snapshot was last made, by this one or another, in milliseconds since 1970; 0 before the first. */
  lastSuccessMs(): number;
  /** Whether there was anything to compare the last snapshot with; false before the first. */
  compared(): boolean;
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
  let lastMs = 0;
  let compared = false;
  const lastSuccessMs = () => tenants().reduce((last, one) => Math.max(last, one.sealedMs), lastMs);
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
  const comparisons = metrics.counter({
    name: 'snapshot_digests_compared_total',
    unit: 'count',
    sentence:
      'Digests published by appliers that a snapshot was compared with and that were the same.',
  });
  const uncompared = metrics.counter({
    name: 'snapshots_uncompared_total',
    unit: 'count',
    sentence: 'Snapshots for which no published digest was at hand: made from the archive alone.',
  });
  const disagreements = metrics.counter({
    name: 'snapshot_digest_disagreements_total',
    unit: 'count',
    sentence:
      'Tenants that came into quarantine because the archive, an earlier snapshot and the appliers do not have the same digest.',
  });
  metrics.gauge({
    name: 'snapshot_quarantined_tenants',
    unit: 'count',
    sentence:
      'Tenants in quarantine because of digests that disagree. Above 0 a file or an object somewhere is wrong: alert.',
    read: () => tenants().filter(({ doubt }) => doubt !== undefined).length,
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
    sentence:
      'When a snapshot was last made, by this process or another, in seconds since 1970; 0 before the first.',
    read: () => lastSuccessMs() / 1000,
  });
  return {
    made(snapshot) {
      lastMs = clock.now();
      compared = snapshot.compared > 0;
      comparisons.add(snapshot.compared);
      if (!compared) uncompared.add(1);
      made.add(1);
      bytes.add(snapshot.bytes);
      times.observe(snapshot.seconds);
    },
    failed: () => failures.add(1),
    removed(what) {
      removedObjects.add(what.objects);
      removedBytes.add(what.bytes);
    },
    disagreed: () => disagreements.add(1),
    lastSuccessMs,
    compared: () => compared,
  };
}

export function oldestMs(tenants: readonly TenantView[], nowMs: number): number {
  return tenants.reduce((oldest, { waiting }) => Math.max(oldest, ageMs(waiting, nowMs)), 0);
}
