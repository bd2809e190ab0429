import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { spared, type Doom } from './doom/moment.ts';
import type { Step, Victim } from './steps.ts';

/** A process of ours, as it is shipped, with a watcher loaded before it. */
export interface Program {
  readonly pid: number;
  /** What it said. */
  readonly output: () => string;
  /** It will die when it comes to the step for the n-th time. */
  doom(step: Step, times: number): void;
  /** Forgets what it was doomed to. */
  spare(): void;
  /** Resolves with the exit code, or with null after a signal. */
  readonly exited: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
  /** Whether it came to the step that it was doomed to. */
  cameTo(): boolean;
}

const root = new URL('../../../', import.meta.url);
const mains: Readonly<Record<Victim, string>> = {
  archiver: 'services/archiver/src/main.ts',
  snapshotter: 'services/snapshotter/src/main.ts',
  restore: 'libs/cli/src/main.ts',
};

let signs = 0;

export function startProgram(options: {
  readonly kind: Victim;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** A folder for the word that it leaves. */
  readonly signDir: string;
  readonly doom?: { readonly step: Step; readonly times: number };
}): Program {
  const { kind, args = [], env, doom } = options;
  signs += 1;
  const sign = join(options.signDir, `sign-${signs}`);
  const told = (step: Step, times: number): Doom => ({ moment: step.moment, times, sign });
  const child = spawn(
    process.execPath,
    [
      '--import',
      new URL('./doom/register.ts', import.meta.url).href,
      fileURLToPath(new URL(mains[kind], root)),
      ...args,
    ],
    {
      env: {
        PATH: process.env['PATH'],
        TMPDIR: process.env['TMPDIR'],
        ENTDB_EXIT_WITH_PARENT: 'true',
        ...env,
        ...(doom && { ENTDB_TEST_DOOM: JSON.stringify(told(doom.step, doom.times)) }),
      },
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    },
  );
  let output = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = `${output}${text}`.slice(-20_000);
    });
  child.stdin!.on('error', () => {}); // the pipe of a process that is gone
  child.on('error', () => {}); // so is its channel
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const send = (message: Doom | typeof spared) => {
    if (child.connected) child.send(message, () => {}); // it may have died meanwhile
  };
  return {
    pid: child.pid ?? 0,
    output: () => output,
    doom: (step, times) => send(told(step, times)),
    spare: () => send(spared),
    exited,
    signal: (name) => void child.kill(name),
    cameTo: () => {
      const came = existsSync(sign);
      rmSync(sign, { force: true });
      return came;
    },
  };
}

/** True where the process ended within the time. */
export async function endsWithin(program: Program, ms: number): Promise<boolean> {
  const stop = new AbortController();
  const late = delay(ms, 'late' as const, { signal: stop.signal }).catch(() => 'late' as const);
  const end = await Promise.race([program.exited.then(() => 'ended' as const), late]);
  stop.abort();
  return end === 'ended';
}
