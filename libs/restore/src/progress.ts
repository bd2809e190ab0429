import type { Clock } from '@entdb/base';
import type { ExecuteProgress } from '@entdb/snapshot';

/** How far a restore is, for people and programs. */
export interface Progress {
  readonly tenantId: string;
  readonly phase: 'base' | 'segments' | 'log' | 'check';
  readonly state: ExecuteProgress['state'];
  /** The last record that is in the files. */
  readonly sequence: number;
  readonly recordsDone: number;
  /** Those of the log not counted: nobody knows them before they are read. */
  readonly recordsPlanned: number;
  readonly recordsPerSecond: number;
  /** Of the segments; undefined where it cannot be known. */
  readonly secondsLeft: number | undefined;
}

/** Makes progress of what a restore reports: measures the phase from its beginning. */
export function createProgressMeter(
  tenantId: string,
  clock: Clock,
): (report: ExecuteProgress) => Progress {
  let phase:
    | { readonly name: string; readonly beganMs: number; readonly sequence: number }
    | undefined;
  let first: number | undefined;
  return ({ step, state, at, recordsPlanned }) => {
    const nowMs = clock.monotonic();
    first ??= at.sequence;
    if (phase?.name !== step) phase = { name: step, beganMs: nowMs, sequence: at.sequence };
    const seconds = (nowMs - phase.beganMs) / 1000;
    const inPhase = at.sequence - phase.sequence;
    const recordsPerSecond = seconds > 0 ? Math.round(inPhase / seconds) : 0;
    const recordsDone = at.sequence - first;
    const left = Math.max(0, recordsPlanned - recordsDone);
    return {
      tenantId,
      phase: step,
      state,
      sequence: at.sequence,
      recordsDone,
      recordsPlanned,
      recordsPerSecond,
      secondsLeft:
        step === 'segments' && recordsPerSecond > 0 ? left / recordsPerSecond : undefined,
    };
  };
}

/** `tenant_1: segments 1200 of 5000 records, 8000/s, 1 s left`. */
export function describeProgress(progress: Progress): string {
  const { tenantId, phase, state, sequence, recordsDone, recordsPlanned, recordsPerSecond } =
    progress;
  const words: Readonly<Record<Progress['phase'], string>> = {
    base: 'fetching what to begin with',
    segments: `applying the archive, ${recordsDone} of up to ${recordsPlanned} records`,
    log: `applying the log, at record ${sequence}`,
    check: 'checking',
  };
  const rate = recordsPerSecond > 0 ? `, ${recordsPerSecond}/s` : '';
  const left =
    progress.secondsLeft === undefined || state === 'done'
      ? ''
      : `, ${Math.ceil(progress.secondsLeft)} s left`;
  return `${tenantId}: ${words[phase]}${rate}${left}${state === 'done' ? ', done' : ''}`;
}
