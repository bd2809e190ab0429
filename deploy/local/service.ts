import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { createLastWords } from './last-words.ts';
import { createRestartPause } from './restart-pause.ts';

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
  /** Told of each end that was not asked for; with what it said last, the first time that it said so. */
  readonly onEvent?: (event: string) => void;
}

export function startService(options: ServiceOptions): Service {
  const { name, main, host, rpcPort, httpPort, env, logDir, onEvent = () => {} } = options;
  mkdirSync(logDir, { recursive: true });
  let child: ChildProcess | undefined;
  let wanted = true;
  let restarts = 0;
  /** Those that were asked to end, and may take their time. */
  const dismissed = new WeakSet<ChildProcess>();
  let restarting: NodeJS.Timeout | undefined;
  let pause = createRestartPause();
  let lastReason = '';

  const launch = () => {
    const startedAt = performance.now();
    const words = createLastWords();
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
      // Out of the terminal's reach: Ctrl-C is for the launcher, which then ends the fleet in order.
      detached: true,
    });
    child = started;
    started.stdin.on('error', () => {}); // the pipe of a process that is gone
    started.stdout.pipe(log, { end: false });
    started.stderr.pipe(log, { end: false });
    createInterface({ input: started.stdout }).on('line', (line) => words.heardLog(line));
    createInterface({ input: started.stderr }).on('line', (line) => words.heardError(line));
    started.once('error', (error) => words.heardError(error.message)); // could not be started; closed, too
    started.once('exit', () => {
      if (child === started) child = undefined;
    });
    // After its last words, which may come later than its exit.
    started.once('close', (code, signal) => {
      log.end();
      onEnd(signal ?? `exit ${code}`);
    });

    const onEnd = (how: string) => {
      if (child === started) child = undefined;
      if (!wanted || dismissed.has(started)) return;
      restarts += 1;
      const pauseMs = pause.after(performance.now() - startedAt);
      const reason = String(words);
      const news = reason === lastReason ? '' : `: ${reason}`;
      lastReason = reason;
      onEvent(`${name} ended (${how}) and is started again in ${pauseMs / 1000} s${news}`);
      restarting = setTimeout(() => {
        if (wanted && child === undefined) launch();
      }, pauseMs);
    };
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
      pause = createRestartPause(); // this end is no fault of its own
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
            `${name} is not ready after ${timeoutMs} ms${lastReason && `: ${lastReason}`}\n  See ${join(logDir, `${name}.log`)}`,
          );
        await delay(50);
      }
    },
    async stop(graceMs = 15_000) {
      wanted = false;
      clearTimeout(restarting);
      const target = child;
      if (!target || target.exitCode !== null) return;
      dismissed.add(target);
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
