import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { until } from './until.ts';

export interface ProgramOptions {
  /** The file that is run. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A service as a process of its own, on ports that the system chose. It ends with the test's process, whatever becomes of that. */
export interface Program {
  /** Its exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** What it has written so far, both streams. */
  output(): string;
  /** The body of GET /health. */
  health(): Promise<Readonly<Record<string, unknown>>>;
  /** The text of GET /metrics. */
  metrics(): Promise<string>;
  /** Resolves when /readyz says so. */
  ready(): Promise<void>;
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

export function startProgram({ program, env }: ProgramOptions): Program {
  const child = spawn(process.execPath, [program], {
    env: {
      PATH: process.env['PATH'],
      ENTDB_RPC_PORT: '0',
      ENTDB_HTTP_PORT: '0',
      ENTDB_EXIT_WITH_PARENT: 'true',
      ENTDB_DRAIN_WAIT: '0ms',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit').then(
    ([code, signal]: (number | NodeJS.Signals | null)[]) => code ?? signal ?? 'SIGKILL',
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => void (output += text));

  const get = async (path: string): Promise<Response> => {
    const found = () => /"http":"([^"]+)"/.exec(output)?.[1];
    await until(() => found() !== undefined);
    return fetch(`http://${found()}${path}`);
  };
  return {
    exited,
    output: () => output,
    health: async () => (await (await get('/health')).json()) as Record<string, unknown>,
    metrics: async () => (await get('/metrics')).text(),
    ready: () => until(async () => (await get('/readyz')).ok),
    end: async (signal) => {
      child.kill(signal);
      return exited;
    },
  };
}
