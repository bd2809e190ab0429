import { EntError, parseTenantId, toError, type Logger } from '@entdb/base';
import { decodeWalRecord } from '@entdb/contracts';
import type { PlacedRecord } from '../store.ts';

/** A record as it comes from the log. */
export interface PlacedBytes {
  readonly key: string;
  readonly offset: number;
  readonly timeMs: number;
  readonly value: Uint8Array;
}

/** Each tenant's own records, in order. */
export function groupByTenant(
  records: readonly PlacedBytes[],
  logger: Logger,
): ReadonlyMap<string, readonly PlacedBytes[]> {
  const groups = new Map<string, PlacedBytes[]>();
  for (const record of records) {
    const group = groups.get(record.key);
    if (group) group.push(record);
    else if (isTenantId(record.key)) groups.set(record.key, [record]);
    else
      logger.error(
        { offset: record.offset, key: record.key.slice(0, 140) },
        'a record under a key that is no tenant id belongs to nobody',
      );
  }
  return groups;
}

function isTenantId(key: string): boolean {
  try {
    parseTenantId(key);
    return true;
  } catch {
    return false; // the answer to the question
  }
}

/** The records up to the first that cannot be decoded, and what is wrong with that one. */
export interface Decoded {
  readonly records: readonly PlacedRecord[];
  readonly poison?: { readonly offset: number; readonly error: EntError };
}

export function decodeAll(
  topic: string,
  partition: number,
  records: readonly PlacedBytes[],
): Decoded {
  const decoded: PlacedRecord[] = [];
  for (const { key, offset, timeMs, value } of records) {
    try {
      decoded.push({ topic, partition, offset, timeMs, record: decodeWalRecord(key, value) });
    } catch (thrown) {
      const error =
        thrown instanceof EntError
          ? thrown
          : new EntError('RECORD_CORRUPT', toError(thrown).message, {
              tenantId: key,
              cause: thrown,
            });
      return { records: decoded, poison: { offset, error } };
    }
  }
  return { records: decoded };
}
