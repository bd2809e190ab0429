import { lagBucketsSeconds, latencyBucketsSeconds, type Metrics } from '@entdb/telemetry';
import type { HealEvent } from './heal/healer.ts';
import type { Progress } from './progress.ts';
import type { Tenants } from './tenants.ts';

export interface Meters {
  /** A batch was committed. */
  applied(records: number, seconds: number): void;
  /** Files of a tenant are to be made from the object store, have been made, or could not be. */
  heal(event: HealEvent): void;
  /** Age of the oldest record that is not applied, over all partitions. */
  lagMs(): number;
}

export function createMeters(
  metrics: Metrics,
  state: {
    readonly owned: readonly number[];
    readonly progress: Progress;
    readonly tenants: Tenants;
    readonly healing: () => number;
  },
): Meters {
  const { owned, progress, tenants } = state;
  const lagMs = () => Math.max(0, ...owned.map((partition) => progress.lag(partition).lagMs));
  const records = metrics.counter({
    name: 'applier_records_total',
    unit: 'count',
    sentence: 'Records applied, whatever their verdict.',
  });
  const batches = metrics.histogram({
    name: 'applier_batch_seconds',
    unit: 'seconds',
    sentence: 'Time from a batch of the log to its commit.',
    buckets: latencyBucketsSeconds,
  });
  const lags = metrics.histogram({
    name: 'applier_lag_observed_seconds',
    unit: 'seconds',
    sentence: 'Lag when a batch was committed.',
    buckets: lagBucketsSeconds,
  });
  metrics.gauge({
    name: 'applier_lag_seconds',
    unit: 'seconds',
    sentence: 'Age of the oldest record that is not applied.',
    read: () => lagMs() / 1000,
  });
  metrics.gauge({
    name: 'applier_lag_records',
    unit: 'count',
    sentence: 'Records on the log that are not applied.',
    read: () =>
      owned.reduce(
        (sum, partition) =>
          sum + progress.lag(partition).endOffset - progress.lag(partition).nextOffset,
        0,
      ),
  });
  metrics.gauge({
    name: 'applier_tenants',
    unit: 'count',
    sentence: 'Tenants that this applier holds.',
    read: () => tenants.size,
  });
  metrics.gauge({
    name: 'applier_tenants_standing_still',
    unit: 'count',
    sentence: 'Tenants that are quarantined or being rebuilt.',
    read: () => tenants.troubled().size,
  });
  metrics.gauge({
    name: 'applier_tenants_waiting_for_files',
    unit: 'count',
    sentence: 'Tenants whose files are made from the object store, or wait for that.',
    read: state.healing,
  });
  const heals = {
    begun: metrics.counter({
      name: 'applier_heals_begun_total',
      unit: 'count',
      sentence:
        'Tenants whose files were begun to be made from the object store, repeated tries included.',
    }),
    done: metrics.counter({
      name: 'applier_heals_done_total',
      unit: 'count',
      sentence: 'Tenants whose files were made from the object store and put in place.',
    }),
    failed: metrics.counter({
      name: 'applier_heals_failed_total',
      unit: 'count',
      sentence: 'Tries to make files of a tenant from the object store that came to nothing.',
    }),
  } satisfies Record<HealEvent, unknown>;
  return {
    heal: (event) => heals[event].add(1),
    applied(count, seconds) {
      records.add(count);
      batches.observe(seconds);
      lags.observe(lagMs() / 1000);
    },
    lagMs,
  };
}
