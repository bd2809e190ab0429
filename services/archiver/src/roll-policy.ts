/**
 * Pure: when the records that wait for a tenant become a segment, and which tenants must give way when memory is short.
 *
 * Ages are those of the wait, by a clock that never steps back, and not those of the records: an archiver that catches up would
 * otherwise cut a segment for each old record.
 */

/** What of a tenant waits for its segment. */
export interface Waiting {
  readonly bytes: number;
  readonly records: number;
  /** When the oldest and the newest of them came, in milliseconds of a clock that never steps back. */
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

export interface RollLimits {
  readonly segmentBytes: number;
  readonly ageMsMax: number;
  readonly idleMs: number;
}

/** Why a segment is cut. `memory`: the process holds too much; `gap`: nothing can follow it. */
export type CutReason = 'bytes' | 'age' | 'idle' | 'memory' | 'gap';

/** Why a segment is due now; undefined while it is not. */
export function dueBecause(
  { bytes, records, firstAtMs, lastAtMs }: Waiting,
  { segmentBytes, ageMsMax, idleMs }: RollLimits,
  nowMs: number,
): CutReason | undefined {
  if (records === 0) return undefined;
  if (bytes >= segmentBytes) return 'bytes';
  if (nowMs - firstAtMs >= ageMsMax) return 'age';
  if (nowMs - lastAtMs >= idleMs) return 'idle';
  return undefined;
}

export interface Candidate<T> {
  readonly tenant: T;
  readonly waiting: Waiting;
}

/**
 * Who is cut early so that at least `bytesWanted` come free: the largest first, for they give most room by the fewest objects, and of equals the
 * oldest. Everybody, where that is not enough.
 */
export function cutEarly<T>(
  candidates: readonly Candidate<T>[],
  bytesWanted: number,
): readonly T[] {
  const chosen: T[] = [];
  let freed = 0;
  const order = candidates
    .filter(({ waiting }) => waiting.records > 0)
    .toSorted(
      (a, b) => b.waiting.bytes - a.waiting.bytes || a.waiting.firstAtMs - b.waiting.firstAtMs,
    );
  for (const { tenant, waiting } of order) {
    if (freed >= bytesWanted) break;
    chosen.push(tenant);
    freed += waiting.bytes;
  }
  return chosen;
}
