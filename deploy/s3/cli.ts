/** A developer's S3 server, which outlives the command that started it and is found again by the pid it left. Each command is idempotent. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isFree } from '../kafka/ports.ts';
import { commandLine, signal } from '../kafka/processes.ts';
import { dataOf, endpointOf, launch } from './gateway.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const usage = 'usage: up.sh | down.sh [--wipe]';
const bucket = 'entdb';
/** On the loopback address of a developer's machine only. */
const credentials = { accessKeyId: 'entdb', secretAccessKey: 'entdb-local' };
const terminateWithinMs = 10_000;
const pollMs = 50;

const dir = resolve(process.env['DIR'] || join(here, '../../.entdb/s3'));
const pidFile = join(dir, 'pid');

function portFrom(env: NodeJS.ProcessEnv): number {
  const value = env['S3_PORT'] || '19070';
  const port = Number(value);
  if (Number.isInteger(port) && port >= 1024 && port <= 65_535) return port;
  throw new Error(`S3_PORT=${value}: must be a port from 1024 to 65535`);
}

/** The recorded pid, if that process still is the server of this folder: pids are used again by others. */
function runningPid(): number | undefined {
  if (!existsSync(pidFile)) return undefined;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  return commandLine(pid).includes(dataOf(dir)) ? pid : undefined;
}

async function up(): Promise<void> {
  const port = portFrom(process.env);
  execFileSync(join(here, 'install.sh'), { stdio: 'inherit' });
  const pid = runningPid();
  if (pid === undefined) {
    if (!(await isFree(port)))
      throw new Error(`port ${port} is in use by another process; set S3_PORT to a free one`);
    const server = await launch({ dir, port, credentials, life: 'lasting' });
    try {
      await writeFile(pidFile, String(server.pid));
      await server.ready();
    } catch (cause) {
      server.signal('SIGKILL');
      throw cause;
    }
    await mkdir(join(dataOf(dir), bucket), { recursive: true });
    server.release();
    print(`s3: started in ${dir}`);
  } else if (commandLine(pid).includes(`:${port}\0`)) print('s3: already up');
  else
    throw new Error(
      `${dir} is served on another port; use that S3_PORT, another DIR, or make s3-down first`,
    );

  print('ENTDB_OBJECT_STORE=s3');
  print(`ENTDB_S3_ENDPOINT=${endpointOf(port)}`);
  print(`ENTDB_S3_BUCKET=${bucket}`);
  print(`ENTDB_S3_ACCESS_KEY_ID=${credentials.accessKeyId}`);
  print(`ENTDB_S3_SECRET_ACCESS_KEY=${credentials.secretAccessKey}`);
  print('next: start services with these settings; stop with deploy/s3/down.sh [--wipe]');
}

async function down(flags: readonly string[]): Promise<void> {
  if (flags.some((flag) => flag !== '--wipe')) throw new Error(usage);
  const pid = runningPid();
  if (pid !== undefined) signal(pid, 'SIGTERM');
  const deadline = performance.now() + terminateWithinMs;
  while (runningPid() !== undefined) {
    if (performance.now() > deadline) signal(Number(pid), 'SIGKILL');
    await delay(pollMs);
  }
  await rm(pidFile, { force: true });
  print(pid === undefined ? `s3: nothing was up in ${dir}` : 's3: stopped');
  if (flags.length > 0 && existsSync(dataOf(dir))) {
    await rm(dataOf(dir), { recursive: true });
    print(`s3: removed the data in ${dir}`);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const [command, ...rest] = process.argv.slice(2);
try {
  if (command === 'up') await up();
  else if (command === 'down') await down(rest);
  else throw new Error(usage);
} catch (error) {
  process.stderr.write(`s3: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
