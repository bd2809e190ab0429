import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Step } from './blocks.ts';
import { difference } from './output.ts';

export interface SessionOptions {
  /** Where the first block starts, and where `source` paths begin. */
  readonly root: string;
  /** The longest that a block may run, that a background text may take, and that a stop may take. */
  readonly patienceMs: number;
}

/**
 * Follows one document as a person at a terminal would, and at its end presses Ctrl-C in each
 * background terminal. Throws at the first step that does not do what the document says. Whatever
 * happens, nothing that was started stays behind.
 */
export async function followDocument(
  steps: readonly Step[],
  options: SessionOptions,
): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'entdb-docs-'));
  const session = openSession(options, join(scratch, 'carried.sh'));
  try {
    for (const step of steps) await session.follow(step);
    await session.stop();
  } finally {
    session.kill();
    rmSync(scratch, { recursive: true });
  }
}

interface Terminal {
  readonly step: Step;
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<string>;
}

/** What the test run itself put into the environment and a person's shell does not have. */
const NOT_A_PERSONS = /^(MAKE|MFLAGS|JEST_|NODE_ENV$|npm_|PNPM_)/;
const PROJECTS_PROGRAMS = /\/(node_modules\/\.bin|\.tools\/bin)$/;

/** The environment of someone who only just cloned the project: the Node on the path is their own. */
function personsEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !NOT_A_PERSONS.test(name));
  const path = (process.env['PATH'] ?? '').split(':').filter((at) => !PROJECTS_PROGRAMS.test(at));
  return { ...Object.fromEntries(kept), PATH: path.join(':') };
}

interface Session {
  readonly follow: (step: Step) => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly kill: () => void;
}

function openSession({ root, patienceMs }: SessionOptions, carried: string): Session {
  const terminals: Terminal[] = [];
  const env = personsEnvironment();

  /** Each block gets its own process group, as in a terminal, so that Ctrl-C reaches all of it. */
  const start = (step: Step, script: string): Terminal => {
    const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: root,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    const ended = once(child, 'close').then(([code, signal]) => String(signal ?? code));
    const terminal = { step, child, output: () => output, ended };
    terminals.push(terminal);
    return terminal;
  };

  const fault = ({ step, output }: Terminal, what: string): Error =>
    new Error(`line ${step.line}: ${what}\n$ ${step.text}\n${output()}`);

  const run = async (step: Step & { kind: 'run' }): Promise<void> => {
    const carry = `[[ ! -f ${carried} ]] || source ${carried}`;
    const keep = `{ export -p; printf 'cd %q\\n' "$PWD"; } >${carried}`;
    const terminal = start(step, `${carry}\n${step.text}\n${keep}`);
    const end = await within(patienceMs, terminal.ended);
    if (end === undefined) throw fault(terminal, `it did not end within ${patienceMs} ms`);
    if (end !== '0') throw fault(terminal, `it ended with ${end}`);
    if (step.output === undefined) return;
    const wrong = difference(step.output, terminal.output());
    if (wrong !== undefined) throw fault(terminal, wrong);
  };

  const background = async (step: Step & { kind: 'background' }): Promise<void> => {
    const terminal = start(step, `[[ ! -f ${carried} ]] || source ${carried}\n${step.text}`);
    const seen = new Promise<'seen'>((resolve) => {
      const look = (): void => {
        if (terminal.output().includes(step.until)) resolve('seen');
      };
      terminal.child.stdout?.on('data', look);
      terminal.child.stderr?.on('data', look);
    });
    const first = await within(patienceMs, Promise.race([seen, terminal.ended]));
    if (first !== 'seen') {
      throw fault(terminal, `"${step.until}" did not appear; it ended with ${first ?? 'nothing'}`);
    }
  };

  const stop = async (terminal: Terminal): Promise<void> => {
    const early = terminal.child.exitCode ?? terminal.child.signalCode;
    if (early !== null) throw fault(terminal, `it ended by itself with ${early}`);
    signalGroup(terminal, 'SIGINT');
    const end = await within(patienceMs, terminal.ended);
    if (end === undefined) throw fault(terminal, `Ctrl-C did not end it within ${patienceMs} ms`);
    if (!['0', '130', 'SIGINT'].includes(end)) throw fault(terminal, `Ctrl-C ended it with ${end}`);
  };

  const stopped = new Set<Terminal>();
  const stopAll = async (): Promise<void> => {
    for (const terminal of terminals.toReversed()) {
      if (terminal.step.kind !== 'background' || stopped.has(terminal)) continue;
      stopped.add(terminal);
      await stop(terminal);
    }
  };

  return {
    follow: async (step) => {
      switch (step.kind) {
        case 'stop':
          await stopAll();
          break;
        case 'run':
          await run(step);
          break;
        case 'background':
          await background(step);
          break;
        case 'source':
          if (!readFileSync(join(root, step.path), 'utf8').includes(step.text)) {
            throw new Error(`line ${step.line}: this text does not stand in ${step.path}`);
          }
          break;
      }
    },
    stop: stopAll,
    kill: () => {
      for (const terminal of terminals) signalGroup(terminal, 'SIGKILL');
    },
  };
}

function signalGroup({ child }: Terminal, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // gone is what we want
  }
}

/** The promise's value, or undefined when it takes longer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
