import { spawnSync } from 'node:child_process';

export interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs a program to its end with its output kept; a program that does not start is a failed step. */
export function command(program: string, ...args: readonly string[]): Outcome {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error) return { ok: false, output: `${program} did not run: ${error.message}` };
  return { ok: status === 0, output: stdout + stderr };
}
