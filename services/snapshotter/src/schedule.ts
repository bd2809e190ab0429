/**
 * Which tenant is next, as values: pure. Every tenant is compared by how far it is beyond its due time, so the one that has waited the longest is
 * next, whatever the others do; a tenant that fails steps back for a while and holds up nobody.
 */

export interface Rules {
  /** A record may be so old before it is in a snapshot. */
  readonly intervalMs: number;
  /** So many records may be in no snapshot. */
  readonly recordsMax: number;
}

/** Records that are archived and in no snapshot. */
export interface Waiting {
  readonly records: number;
  /** Log time of the oldest of them. */
  readonly sinceMs: number;
}

export interface Candidate {
  readonly tenantId: string;
  /** Undefined where the newest snapshot has everything: a quiet tenant needs no other. */
  readonly waiting: Waiting | undefined;
  /** It is at work already. */
  readonly busy: boolean;
  /** Until then it is left alone, because it has failed. */
  readonly notBeforeMs: number;
  /** When retention is next to be applied; undefined while something is wrong: evidence is not cleared away. */
  readonly retentionAtMs: number | undefined;
}

export type Job = { readonly kind: 'snapshot' | 'retention'; readonly tenantId: string };

export function ageMs(waiting: Waiting | undefined, nowMs: number): number {
  return waiting ? Math.max(0, nowMs - waiting.sinceMs) : 0;
}

/** How long a tenant has waited in units of what it may wait: due from 1 on. */
export function overdue(waiting: Waiting | undefined, rules: Rules, nowMs: number): number {
  if (!waiting) return 0;
  return Math.max(ageMs(waiting, nowMs) / rules.intervalMs, waiting.records / rules.recordsMax);
}

export const retentionEveryMs = 24 * 3_600_000;

/** Snapshots first, the most overdue of them; then retention, the longest waiting. A retention that is late by a day is as urgent as a snapshot that is due. */
export function nextJob(
  candidates: Iterable<Candidate>,
  rules: Rules,
  nowMs: number,
): Job | undefined {
  let due: { readonly job: Job; readonly by: number } | undefined;
  const consider = (job: Job, by: number): void => {
    if (by > (due?.by ?? -Infinity)) due = { job, by };
  };
  for (const { tenantId, waiting, busy, notBeforeMs, retentionAtMs } of candidates) {
    if (busy || notBeforeMs > nowMs) continue;
    const by = overdue(waiting, rules, nowMs);
    if (by >= 1) consider({ kind: 'snapshot', tenantId }, by);
    const lateMs = nowMs - (retentionAtMs ?? Infinity);
    if (lateMs >= 0) consider({ kind: 'retention', tenantId }, lateMs / retentionEveryMs);
  }
  return due?.job;
}
