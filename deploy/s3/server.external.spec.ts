import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { commandLine } from '../kafka/processes.ts';
import { startS3 } from './server.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'entdb-s3-spec-'));
});
afterEach(() => rm(dir, { recursive: true }));

const isAlive = (pid: number): boolean => commandLine(pid).includes('versitygw');

it('a server is started, killed, started again at the same address, and stopped', async () => {
  const server = await startS3({ dir });
  try {
    const first = server.pid ?? -1;
    const { endpoint } = server;
    expect((await fetch(endpoint)).status).toBe(403); // nobody without credentials
    await server.kill();
    expect([server.pid, isAlive(first)]).toEqual([undefined, false]);
    await expect(fetch(endpoint)).rejects.toThrow();
    await server.start();
    expect((await fetch(endpoint)).status).toBe(403);
    const second = server.pid ?? -1;
    await server.stop();
    expect([server.pid, isAlive(second)]).toEqual([undefined, false]);
  } finally {
    await server.stop();
  }
});

it('a server ends with the process that started it, though it dies by SIGKILL', async () => {
  const script = `
    import { startS3 } from ${JSON.stringify(new URL('./server.ts', import.meta.url).href)};
    const server = await startS3({ dir: ${JSON.stringify(dir)} });
    process.stdout.write(String(server.pid));
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(printed.toString());
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  const deadline = AbortSignal.timeout(20_000);
  while (isAlive(pid)) await delay(50, undefined, { signal: deadline });
});
