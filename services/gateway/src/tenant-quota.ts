import { EntError } from '@entdb/base';

/** How much of one tenant may be on its way to the log, so that one flood does not fill the lane that it shares with others. */
export interface TenantQuota {
  /** Counts a record in; returns the way to count it out, to be called once. Throws RESOURCE_EXHAUSTED. */
  enter(tenantId: string, bytes: number): () => void;
}

export interface TenantQuotaLimits {
  readonly tenantRecordsMax: number;
  readonly tenantBytesMax: number;
}

const retryAfterMs = 50;

export function createTenantQuota({
  tenantRecordsMax,
  tenantBytesMax,
}: TenantQuotaLimits): TenantQuota {
  /** Only tenants that have something in flight. */
  const inFlight = new Map<string, { records: number; bytes: number }>();
  return {
    enter: (tenantId, bytes) => {
      const used = inFlight.get(tenantId) ?? { records: 0, bytes: 0 };
      // One record is let in always: however small the limit, a tenant alone can write.
      if (
        used.records > 0 &&
        (used.records + 1 > tenantRecordsMax || used.bytes + bytes > tenantBytesMax)
      ) {
        throw new EntError(
          'RESOURCE_EXHAUSTED',
          `tenant ${tenantId} has ${used.records} records and ${used.bytes} bytes on their way to the log`,
          {
            tenantId,
            retryAfterMs,
            hint: 'wait for the outcomes of those in flight',
          },
        );
      }
      used.records += 1;
      used.bytes += bytes;
      inFlight.set(tenantId, used);
      return () => {
        used.records -= 1;
        used.bytes -= bytes;
        if (used.records === 0) inFlight.delete(tenantId);
      };
    },
  };
}
