import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** One process of the fleet, started again when it ends by itself, as Kubernetes would. */
export interface Service {
  readonly name: string;
  /** Base URL of its RPC server. */
  readonly address: string;
  /** Base URL of /health, /livez, /readyz and /metrics. */
  readonly http: string;
  readonly pid: number | undefined;
  /** How often it has ended without having been asked to. */
  readonly restarts: number;
  /** Sends a signal; with SIGKILL resolves when the process is gone. It comes back by itself unless it was stopped. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Resolves when /readyz says yes. Rejects when it has not within the time. */
  ready(timeoutMs?: number): Promise<void>;
  /** Ends it for good: SIGTERM, and SIGKILL after the grace. */
  stop(graceMs?: number): Promise<void>;
  /** Starts it again after `stop`. */
  start(): void;
}

export interface ServiceOptions {
  readonly name: string;
  /** The program, absolute. */
  readonly main: string;
  readonly host: string;
  readonly rpcPort: number;
  readonly httpPort: number;
  readonly env: Readonly<Record<string, string>>;
  readonly logDir: string;
  /** Told of each line that it logs at level warn or above, and of each end. */
  readonly onEvent?: (event: string) => void;
}

const restartDelayMs = 200;

export function startService(options: ServiceOptions): Service {
  const { name, main, host, rpcPort, httpPort, env, logDir, onEvent = () => {} } = options;
  mkdirSync(logDir, { recursive: true });
  let child: ChildProcess | undefined;
  let wanted = true;
  let restarts = 0;

  const launch = () => {
    const log = createWriteStream(join(logDir, `${name}.log`), { flags: 'a' });
    // Standard input stays open for as long as this process lives: the service ends when it closes.
    const started = spawn(process.execPath, [main], {
      env: {
        ...process.env,
        ...env,
        ENTDB_INSTANCE: name,
        ENTDB_RPC_HOST: host,
        ENTDB_RPC_PORT: String(rpcPort),
        ENTDB_HTTP_PORT: String(httpPort),
        ENTDB_EXIT_WITH_PARENT: 'true',
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child = started;
    started.stdin?.on('error', () => {}); // the pipe of a process that is gone
    started.stdout?.pipe(log, { end: false });
    started.stderr?.pipe(log, { end: false });
    started.once('close', () => log.end()); // after its last words, which may come later than its exit
    started.once('exit', (code, signal) => {
      if (child === started) child = undefined;
      if (!wanted) return;
      restarts += 1;
      onEvent(`${name} ended (${signal ?? `exit ${code}`}) and is started again`);
      setTimeout(() => {
        if (wanted && child === undefined) launch();
      }, restartDelayMs);
    });
  };
  launch();

  return {
    name,
    address: `http://${host}:${rpcPort}`,
    http: `http://${host}:${httpPort}`,
    get pid() {
      return child?.pid;
    },
    get restarts() {
      return restarts;
    },
    async kill(signal) {
      const target = child;
      if (!target || target.exitCode !== null) return;
      const gone = signal === 'SIGKILL' ? once(target, 'exit') : undefined;
      target.kill(signal);
      await gone;
    },
    async ready(timeoutMs = 60_000) {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const answer = await fetch(`http://${host}:${httpPort}/readyz`, {
          signal: AbortSignal.timeout(2_000),
        }).catch(() => undefined);
        await answer?.body?.cancel();
        if (answer?.ok) return;
        if (Date.now() > deadline)
          throw new Error(
            `${name} is not ready after ${timeoutMs} ms; see ${join(logDir, `${name}.log`)}`,
          );
        await delay(50);
      }
    },
    async stop(graceMs = 15_000) {
      wanted = false;
      const target = child;
      if (!target || target.exitCode !== null) return;
      const gone = once(target, 'exit');
      target.kill('SIGTERM');
      const killer = setTimeout(() => target.kill('SIGKILL'), graceMs);
      await gone;
      clearTimeout(killer);
    },
    start() {
      wanted = true;
      if (child === undefined) launch();
    },
  };
}
