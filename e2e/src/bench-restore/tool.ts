import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import type { Place } from './stores.ts';

/** Everything that is archived; the log is not asked. */
export const everything = ['--latest', '--archive-only', '--accept-incomplete'] as const;

export interface ToolRun {
  readonly seconds: number;
  /** The most memory that the process had at any time, in bytes. */
  readonly peakBytes: number;
}

const program = fileURLToPath(new URL('../../../libs/cli/src/main.ts', import.meta.url));
const hook = new URL('./peak-memory.ts', import.meta.url).href;

/** Runs a command of `entdb` as a process, from its start to its end. */
export async function runTool(place: Place, args: readonly string[]): Promise<ToolRun> {
  const started = performance.now();
  const child = spawn(process.execPath, ['--import', hook, program, ...args], {
    env: { PATH: process.env['PATH'], ...place.env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const said = (descriptor: number) => text(child.stdio[descriptor] as Readable); // a pipe, as asked for above
  const [, errors, peak] = await Promise.all([said(1), said(2), said(3), exited]);
  if (child.exitCode !== 0)
    throw new Error(`entdb ${args.join(' ')} ended with ${child.exitCode}: ${errors}`);
  return { seconds: (performance.now() - started) / 1000, peakBytes: Number(peak) };
}
