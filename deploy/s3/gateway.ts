import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { watch } from '../kafka/watchdog.ts';

const program = fileURLToPath(new URL('../../.tools/bin/versitygw', import.meta.url));
const host = '127.0.0.1';
const healthPath = '/healthz';
const readyWithinMs = 30_000;
const pollMs = 50;
const logTailChars = 2000;

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface LaunchOptions {
  /** Holds `data` (a folder a bucket, a file an object) and the server's log. */
  readonly dir: string;
  readonly port: number;
  readonly credentials: S3Credentials;
  /** `brief`: for tests; ends at the latest with this process. `lasting`: outlives it. */
  readonly life: 'brief' | 'lasting';
}

/** A server whose process exists; it may not serve yet. */
export interface LaunchedServer {
  readonly pid: number;
  /** Resolves when the process has ended, whatever the cause. */
  readonly exited: Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Resolves when it serves; rejects, with the end of its log, when it ends before. */
  ready(): Promise<void>;
  /** Lets this process end before a lasting server does. */
  release(): void;
}

export function endpointOf(port: number): string {
  return `http://${host}:${port}`;
}

/** The folder of a server's buckets. */
export function dataOf(dir: string): string {
  return join(dir, 'data');
}

export async function launch(options: LaunchOptions): Promise<LaunchedServer> {
  const { dir, port, credentials, life } = options;
  if (!existsSync(program)) throw new Error('versitygw is not installed: run deploy/s3/install.sh');
  await mkdir(dataOf(dir), { recursive: true });
  const logFile = join(dir, 'versitygw.log');
  const log = await open(logFile, 'a');
  const server = ['--port', `${host}:${port}`, '--health', healthPath, '--quiet', '--keep-alive'];
  // It looks whether an object is there and then links it, which is not atomic: of racing conditional writes several win unless it does one thing at a time.
  const backend = ['posix', '--concurrency', '1', dataOf(dir)];
  const child = spawn(program, [...server, ...backend], {
    detached: life === 'lasting',
    stdio: ['ignore', log.fd, log.fd],
    env: {
      ...process.env,
      ROOT_ACCESS_KEY: credentials.accessKeyId,
      ROOT_SECRET_KEY: credentials.secretAccessKey,
    },
  });
  const { pid } = child;
  if (pid === undefined) {
    const [cause] = (await once(child, 'error')) as [Error];
    await log.close();
    throw new Error('versitygw cannot be started: run deploy/s3/install.sh', { cause });
  }
  // In the same turn as the spawn: a moment between the two would be one in which our end leaves an orphan.
  const watchdog = life === 'brief' ? watch(pid) : undefined;
  const ended = once(child, 'exit');
  await log.close();
  return {
    pid,
    exited: ended.then(() => watchdog?.dismiss()),
    signal: (name) => child.kill(name),
    release: () => child.unref(),
    ready: async () => {
      const deadline = performance.now() + readyWithinMs;
      while (!(await isServing(port))) {
        const failed = child.exitCode !== null || child.signalCode !== null;
        if (!failed && performance.now() < deadline) await delay(pollMs);
        else
          throw new Error(
            `the S3 server ${failed ? 'ended before it was ready' : `did not answer within ${readyWithinMs / 1000} s`}; ` +
              `${logFile} ends with\n${(await readFile(logFile, 'utf8')).slice(-logTailChars)}`,
          );
      }
    },
  };
}

export async function isServing(port: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(2000);
    const answer = await fetch(`${endpointOf(port)}${healthPath}`, { signal });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    // Every failure here means "not yet": the caller sets the deadline and knows when the server has ended.
    return false;
  }
}
