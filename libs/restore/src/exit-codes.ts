import { isEntError, type StatusName } from '@entdb/base';

/** What became of a job, for scripts. In the order of their gravity: of several tenants the gravest counts. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  damaged: 4,
  doubtful: 5,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The table of the help text. */
export const exitCodesHelp = `Exit codes:
  0  done: exactly what was asked for, checked
  1  failed: a store, the log or the disk; the same command goes on where it stopped
  2  wrong usage: a flag, a setting, a time without its zone
  3  refused, nothing was changed: no such tenant, snapshot or record, a target that
     cannot be reached, a folder that is not empty or in use
  4  damage: an object, the chain or a digest is not what it must be; nothing is given out
  5  restored, with a doubt that the report names: the archive ends before it is known
     that nothing more belongs to the target (--accept-incomplete makes that 0), or a
     damaged object was passed over`;

const byStatus: Readonly<Record<StatusName, ExitCode>> = {
  invalid_argument: exitCodes.usage,
  not_found: exitCodes.refused,
  already_exists: exitCodes.refused,
  failed_precondition: exitCodes.refused,
  out_of_range: exitCodes.refused,
  data_loss: exitCodes.damaged,
  aborted: exitCodes.failed,
  resource_exhausted: exitCodes.failed,
  unavailable: exitCodes.failed,
  deadline_exceeded: exitCodes.failed,
  canceled: exitCodes.failed,
  unimplemented: exitCodes.failed,
  internal: exitCodes.failed,
};

/** An object that the plan needs and that is gone has status not_found, and is damage all the same. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!isEntError(error)) return exitCodes.failed;
  return error.code === 'OBJECT_NOT_FOUND' ? exitCodes.damaged : byStatus[error.status];
}

const gravity: readonly ExitCode[] = [
  exitCodes.ok,
  exitCodes.doubtful,
  exitCodes.refused,
  exitCodes.usage,
  exitCodes.failed,
  exitCodes.damaged,
];

export function gravest(codes: readonly ExitCode[]): ExitCode {
  const worst = Math.max(0, ...codes.map((code) => gravity.indexOf(code)));
  return gravity[worst] ?? exitCodes.failed;
}
