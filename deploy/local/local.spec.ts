/** Real processes: what the launcher starts it ends, what ends by itself it starts again, and says why. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { startFleet, type Fleet } from './fleet.ts';
import { createLastWords } from './last-words.ts';
import { createRestartPause } from './restart-pause.ts';
import { startService, type Service } from './service.ts';

let dir: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'entdb-local-'));
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`it never came that ${what}`);
    await delay(20);
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return String(port);
}

describe('a fleet', () => {
  it('becomes ready, brings a killed service back, and stops for good', async () => {
    const events: string[] = [];
    const fleet: Fleet = await startFleet({ dataDir: dir, onEvent: (event) => events.push(event) });
    closers.push(() => fleet.stop());
    await fleet.ready();
    const applier = fleet.appliers[0]!;
    const before = applier.pid;
    await applier.kill('SIGKILL');
    await until('it is started again', () => applier.pid !== undefined && applier.pid !== before);
    await applier.ready();
    expect(applier.restarts).toBe(1);
    expect(events).toEqual(['applier-0 ended (SIGKILL) and is started again in 0.2 s']);
    const pids = fleet.services.map((service) => service.pid!);
    await fleet.stop();
    expect(pids.map(lives)).toEqual([false, false]);
    expect(readFileSync(join(dir, 'logs', 'applier-0.log'), 'utf8')).toContain('"clean":true');
  });

  it('ends when its launcher is killed', async () => {
    const launcher = spawn(process.execPath, [join(__dirname, 'testing', 'launcher.ts'), dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: launcher.stdout }), 'line')) as [string];
    const pids = JSON.parse(line) as readonly number[];
    expect(pids.map(lives)).toEqual([true, true]);
    launcher.kill('SIGKILL');
    await until('its services are gone', () => !pids.some(lives));
  });
});

it('make run ends in order at Ctrl-C, which a terminal sends to the whole group', async () => {
  const ports = ['GATEWAY_RPC', 'GATEWAY_HTTP', 'APPLIER_RPC', 'APPLIER_HTTP'];
  const env = Object.fromEntries(
    await Promise.all(ports.map(async (name) => [`ENTDB_${name}_PORT`, await freePort()] as const)),
  );
  const run = spawn(process.execPath, [join(__dirname, 'run.ts'), '--data', dir], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const exited = once(run, 'exit');
  closers.push(async () => run.kill('SIGKILL'));
  const said: string[] = [];
  createInterface({ input: run.stdout }).on('line', (line) => said.push(line));
  await until('the fleet is ready', () => said.includes('Ctrl-C stops the fleet.'));
  process.kill(-run.pid!, 'SIGINT');
  expect((await exited)[0]).toBe(0);
  expect(said.at(-1)).toBe('Stopped.');
  for (const name of ['gateway-0', 'applier-0'])
    expect(readFileSync(join(dir, 'logs', `${name}.log`), 'utf8')).toContain('"clean":true');
});

describe('a service that cannot start', () => {
  const start = (program: string): { service: Service; events: string[] } => {
    const main = join(dir, 'main.mjs');
    writeFileSync(main, program);
    const events: string[] = [];
    const service = startService({
      name: 'broken',
      main,
      host: '127.0.0.1',
      rpcPort: 1,
      httpPort: 1,
      env: {},
      logDir: dir,
      onEvent: (event) => events.push(event),
    });
    closers.push(() => service.stop());
    return { service, events };
  };

  it('is tried less and less often, and its reason is told once', async () => {
    const entry = {
      level: 'error',
      message: 'the service could not start',
      err: {
        code: 'TOPIC_MISSING',
        message: 'topic x does not exist',
        hint: 'entdb topics create',
      },
    };
    const { service, events } = start(
      `console.log(${JSON.stringify(JSON.stringify(entry))}); process.exit(1);`,
    );
    await until('it has ended three times', () => events.length === 3);
    expect(events).toEqual([
      'broken ended (exit 1) and is started again in 0.2 s: TOPIC_MISSING: topic x does not exist\n  Try: entdb topics create',
      'broken ended (exit 1) and is started again in 0.4 s',
      'broken ended (exit 1) and is started again in 0.8 s',
    ]);
    expect(service.restarts).toBe(3);
    await expect(service.ready(1)).rejects.toThrow('TOPIC_MISSING: topic x does not exist');
  });

  it('is told by its last line on standard error, where it has no log yet', async () => {
    const { events } = start(`console.error('a setting is wrong'); process.exit(78);`);
    await until('it has ended', () => events.length > 0);
    expect(events[0]).toContain('(exit 78) and is started again in 0.2 s: a setting is wrong');
  });
});

it('a pause doubles up to 5 s, and begins anew after a healthy life', () => {
  const pause = createRestartPause();
  expect(Array.from({ length: 7 }, () => pause.after(100))).toEqual([
    200, 400, 800, 1_600, 3_200, 5_000, 5_000,
  ]);
  expect([pause.after(60_000), pause.after(100)]).toEqual([200, 400]);
});

it('last words are the last error of the log, whatever else was said', () => {
  const words = createLastWords();
  words.heardError('(node:1) Warning: something');
  words.heardLog('not JSON');
  words.heardLog(JSON.stringify({ level: 'error', message: 'first' }));
  words.heardLog(
    JSON.stringify({
      level: 'error',
      message: 'gone',
      err: { code: 'STORE_MISSING', message: 'no volume' },
    }),
  );
  words.heardLog(JSON.stringify({ level: 'info', message: 'stopped' }));
  expect(String(words)).toBe('STORE_MISSING: no volume');
});
