import { EntError, isEntError, partitionOf, type Clock, type Logger, type Rng } from '@entdb/base';
import type { LogPosition } from '@entdb/contracts';
import { defaultLaneLimits, walTopic, type LaneLimits, type Wal } from '@entdb/wal';
import type { GatewayMetrics } from './metrics.ts';
import { createPartitionLane, type PartitionLane } from './partition-lane.ts';
import { createTenantQuota, type TenantQuotaLimits } from './tenant-quota.ts';

/** The write-ahead log, as handlers see it: one record in, its position out. */
export interface Lanes {
  /**
   * Resolves when the record is durable. Rejects with RESOURCE_EXHAUSTED at once where a limit is reached, OUTCOME_UNKNOWN where the log
   * did not answer, LOG_UNAVAILABLE where nothing was sent. Records of one tenant stand in the order of the calls.
   */
  append(tenantId: string, value: Uint8Array, signal: AbortSignal): Promise<LogPosition>;
  /** Bytes that wait for the log or are on their way to it. */
  inFlightBytes(): number;
  close(): Promise<void>;
}

export interface LanesOptions {
  readonly wal: Wal;
  readonly partitions: number;
  readonly limits: Partial<LaneLimits> & TenantQuotaLimits;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

const retryAfterMs = 100;

export function createLanes(options: LanesOptions): Lanes {
  const { wal, partitions, limits, metrics, clock } = options;
  const { tenantRecordsMax, tenantBytesMax, ...ownLimits } = limits;
  const laneLimits: LaneLimits = { ...defaultLaneLimits, ...ownLimits };
  const quota = createTenantQuota({ tenantRecordsMax, tenantBytesMax });
  const lanes = new Map<number, PartitionLane>();

  const laneOf = (partition: number): PartitionLane => {
    const known = lanes.get(partition);
    if (known) return known;
    const lane = createPartitionLane({
      ...options,
      name: `${walTopic}/${partition}`,
      limits: laneLimits,
      open: () => wal.openLane(walTopic, partition, laneLimits),
      onFailed: () => metrics.laneFailures.add(1),
    });
    lanes.set(partition, lane);
    return lane;
  };

  return {
    append: async (tenantId, value, signal) => {
      const partition = partitionOf(tenantId, partitions);
      const leave = quota.enter(tenantId, value.byteLength);
      const started = clock.monotonic();
      try {
        const receipt = await laneOf(partition).append({ key: tenantId, value }, signal);
        metrics.appendSeconds.observe((clock.monotonic() - started) / 1_000);
        return {
          topic: receipt.topic,
          partition: receipt.partition,
          offset: receipt.baseOffset,
          epoch: 0,
        };
      } catch (error) {
        throw ofTenant(error, tenantId);
      } finally {
        leave();
      }
    },
    inFlightBytes: () => [...lanes.values()].reduce((sum, lane) => sum + lane.pendingBytes(), 0),
    close: async () => {
      await Promise.all([...lanes.values()].map((lane) => lane.close()));
    },
  };
}

/** The lane knows no tenant and no caller; the error that leaves here names the one and says when the other may come back. */
function ofTenant(error: unknown, tenantId: string): unknown {
  if (!isEntError(error)) return error;
  const retry = error.retriable ? { retryAfterMs } : {};
  return new EntError(error.code, error.message, { ...retry, ...error.facts, tenantId });
}
