/** The applier as a process of its own, spoken to over its ports. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface LogLine {
  readonly message: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** Of the error that was answered. */
  readonly code: string | undefined;
}

export interface ApplierProcess {
  readonly child: ChildProcess;
  readonly lines: readonly LogLine[];
  /** Resolves with the first line that says this. Rejects when the process ends before. */
  said(message: string): Promise<LogLine>;
  /** One page of the side server. */
  page(path: string): Promise<Response>;
  /** A unary call to QueryService, as curl would do it. */
  ask(method: string, request: object): Promise<Answer>;
  /** Sends the signal and resolves with the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  readonly exited: Promise<number | null>;
}

const running = new Set<ApplierProcess>();

/** Ends what a test left. */
export async function endAppliers(): Promise<void> {
  await Promise.all([...running].map((applier) => applier.end('SIGKILL')));
}

export function spawnApplier(
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): ApplierProcess {
  const child = spawn(process.execPath, [join(__dirname, '..', 'main.ts')], {
    env: {
      PATH: process.env['PATH'],
      ENTDB_DATA_DIR: dataDir,
      ENTDB_RPC_PORT: '0',
      ENTDB_HTTP_PORT: '0',
      ENTDB_DRAIN_WAIT: '0ms',
      ENTDB_STATUS_INTERVAL: '100ms',
      ENTDB_CHECKPOINT_INTERVAL: '100ms',
      ENTDB_EXIT_WITH_PARENT: 'true',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: LogLine[] = [];
  const listeners = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(JSON.parse(line) as LogLine);
    for (const listener of listeners) listener();
  });
  const closed = once(child, 'close');
  const exited = closed.then(([code]) => {
    running.delete(applier);
    for (const listener of listeners) listener();
    return code as number | null;
  });

  const said = (message: string) =>
    new Promise<LogLine>((resolve, reject) => {
      const look = () => {
        const line = lines.find((entry) => entry.message === message);
        if (!line && running.has(applier)) return;
        listeners.delete(look);
        if (line) resolve(line);
        else
          reject(
            new Error(`it ended without saying "${message}": ${JSON.stringify(lines.at(-1))}`),
          );
      };
      listeners.add(look);
      look();
    });

  const applier: ApplierProcess = {
    child,
    lines,
    said,
    exited,
    page: async (path) => fetch(`http://${String((await said('starting'))['http'])}${path}`),
    ask: async (method, request) => {
      const { rpc } = await said('listening');
      const response = await fetch(`http://${String(rpc)}/entdb.v1.QueryService/${method}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(request),
      });
      const body = (await response.json()) as Answer['body'];
      const details = body['details'] as readonly { debug?: { code?: string } }[] | undefined;
      return { status: response.status, body, code: details?.[0]?.debug?.code };
    },
    end: async (signal) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return exited;
    },
  };
  running.add(applier);
  return applier;
}

export async function startedApplier(
  dataDir: string,
  env?: Readonly<Record<string, string>>,
): Promise<ApplierProcess> {
  const applier = spawnApplier(dataDir, env);
  await applier.said('ready');
  return applier;
}
