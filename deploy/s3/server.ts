/**
 * A real S3 server for tests and end-to-end runs, on the loopback address.
 *
 * Promises: each server has its own port and folder, so servers do not meet; it ends at the latest with the process that started it, even when
 * that one is killed by SIGKILL; after `stop` none is left.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { freePort } from '../kafka/ports.ts';
import { dataOf, endpointOf, launch } from './gateway.ts';
import type { LaunchedServer, S3Credentials } from './gateway.ts';

export type { S3Credentials } from './gateway.ts';

/** A server that a test may use, and of which it must not assume that it is alone on it. */
export interface S3Endpoint {
  /** `http://host:port`; the same after every start. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: S3Credentials;
  /** Makes a bucket that is not there. Names have 3 characters or more. */
  createBucket(name: string): Promise<void>;
  /** Ends the server. The folder stays, for the caller to remove. */
  stop(): Promise<void>;
}

/** A server of the test's own, which may be harmed. */
export interface S3Server extends S3Endpoint {
  /** Of the server; undefined while it is down. */
  readonly pid: number | undefined;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts a server that is down, on the same data; resolves when it serves. */
  start(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers, as with a frozen machine. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
}

export interface S3Options {
  /** Everything the server keeps: a folder a bucket, a file an object. The file system must have extended attributes. */
  readonly dir: string;
}

/** Starts a server and resolves when it serves. */
export async function startS3({ dir }: S3Options): Promise<S3Server> {
  const home = resolve(dir);
  const port = await freePort();
  const credentials = { accessKeyId: 'entdb-test', secretAccessKey: 'entdb-test-secret' };
  let running: LaunchedServer | undefined;

  const live = (): LaunchedServer => {
    if (running === undefined) throw new Error('the S3 server is down');
    return running;
  };
  const start = async (): Promise<void> => {
    if (running !== undefined) throw new Error('the S3 server is up already');
    const launched = await launch({ dir: home, port, credentials, life: 'brief' });
    running = launched;
    void launched.exited.then(() => {
      running = undefined;
    });
    await launched.ready();
  };
  const end = async (name: NodeJS.Signals): Promise<void> => {
    if (running === undefined) return;
    const { exited } = running;
    running.signal(name);
    running.signal('SIGCONT'); // a paused process would not see SIGTERM
    await exited;
  };

  try {
    await start();
  } catch (cause) {
    await end('SIGKILL');
    throw cause;
  }
  return {
    endpoint: endpointOf(port),
    region: 'us-east-1',
    credentials,
    // The server takes the folders of its root for buckets.
    createBucket: (name) => mkdir(join(dataOf(home), name)),
    get pid() {
      return running?.pid;
    },
    start,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    pause: () => live().signal('SIGSTOP'),
    resume: () => live().signal('SIGCONT'),
  };
}
