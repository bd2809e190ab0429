import { decodeWalRecord } from '@entdb/contracts';
import { isEntError } from '@entdb/base';
import type { ErasedAt } from './erased.ts';
import { beforeFirst, pointAfter, type Point } from './limit.ts';
import type { LogReach } from './plan.ts';
import { readLog, type LogAtHand } from './tail.ts';

/**
 * The records of the log that erase the tenant and are not archived yet: no object tells of them. Reads what lies between the archive's end and the log's, and
 * decodes this tenant's records alone.
 *
 * `archived`: the last archived record, the first point where there is none; undefined where it cannot be read. Where records may lie between it and what can be read
 * of the log, the place of an erasure cannot be counted: it is then put after everything.
 */
export async function findErasures(
  log: LogAtHand,
  reach: LogReach,
  { tenantId, archived }: { readonly tenantId: string; readonly archived: Point | undefined },
  call: { readonly signal?: AbortSignal },
): Promise<readonly ErasedAt[]> {
  const { startOffset, endOffset, archivedOffset } = reach;
  const next = Math.max((archived?.offset ?? -1) + 1, Math.min(archivedOffset, endOffset));
  const isCounted = archived !== undefined && startOffset <= next;
  const found: ErasedAt[] = [];
  let at = archived ?? beforeFirst;
  const range = { from: Math.max(next, startOffset), endOffset, ...call };
  await readLog(log, range, (records) => {
    for (const { key, offset, timeMs, value } of records) {
      if (key !== tenantId) continue;
      at = pointAfter(at, { offset, timeMs });
      if (!erases(tenantId, value)) continue;
      const sequence = isCounted ? at.sequence : Number.MAX_SAFE_INTEGER;
      found.push({ at: { ...at, sequence } });
    }
    return 'go on';
  });
  return found;
}

export function erases(tenantId: string, value: Uint8Array): boolean {
  try {
    const { body } = decodeWalRecord(tenantId, value);
    return body.case === 'tenantDeleted' && body.value.erase;
  } catch (error) {
    if (isEntError(error)) return false; // it cannot be applied, by anyone
    throw error;
  }
}
