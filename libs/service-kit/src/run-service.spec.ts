/** Real processes: how they start, drain, and end. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { CommandService } from '@entdb/contracts';
import { until } from './testing/fixture.ts';

interface LogEntry {
  readonly message: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

const running: Service[] = [];
afterEach(async () => {
  for (const service of running.splice(0)) await service.kill();
});

class Service {
  readonly log: LogEntry[] = [];
  stderr = '';
  readonly child: ChildProcess;
  readonly #exit: Promise<unknown[]>;
  readonly #sessions: Http2SessionManager[] = [];

  constructor(env: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [join(__dirname, 'testing', 'service.ts')], {
      env: {
        PATH: process.env['PATH'],
        ENTDB_RPC_PORT: '0',
        ENTDB_HTTP_PORT: '0',
        ENTDB_DRAIN_WAIT: '0ms',
        ...env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#exit = once(this.child, 'close');
    let rest = '';
    this.child.stdout?.on('data', (chunk) => {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.log.push(JSON.parse(line) as LogEntry);
    });
    this.child.stderr?.on('data', (chunk) => (this.stderr += String(chunk)));
    running.push(this);
  }

  said = (message: string) => this.log.find((entry) => entry.message === message);
  hears = (message: string) =>
    until(() => this.said(message) !== undefined, `the line "${message}" (${this.stderr})`);
  messages = () => this.log.map((entry) => entry.message);
  address = (which: 'rpc' | 'http') => `http://${String(this.said('listening')?.[which])}`;
  exitCode = async () => (await this.#exit)[0];

  client() {
    const sessionManager = new Http2SessionManager(this.address('rpc'));
    this.#sessions.push(sessionManager);
    return createClient(
      CommandService,
      createGrpcTransport({ baseUrl: this.address('rpc'), sessionManager }),
    );
  }

  async kill() {
    for (const session of this.#sessions) session.abort();
    if (this.child.exitCode === null) this.child.kill('SIGKILL');
    await this.#exit;
  }
}

const started = async (env?: Record<string, string>) => {
  const service = new Service(env);
  await service.hears('ready');
  return service;
};

it('starts, answers on both ports, and stops in order with code 0', async () => {
  const service = await started({ ENTDB_GREETING: 'hi', ENTDB_GREETNG: 'typo' });
  expect(service.said('variables that no setting reads')).toMatchObject({
    variables: ['ENTDB_GREETNG'],
  });
  expect((await service.client().executeAtomic({})).ids).toEqual(['hi']);

  const health = await fetch(`${service.address('http')}/health`);
  expect([health.status, await health.json()]).toEqual([
    200,
    { status: 'healthy', readiness: 'ready', components: { wal: 'connected' }, applier_lag_ms: 0 },
  ]);
  const metrics = await (await fetch(`${service.address('http')}/metrics`)).text();
  expect(metrics).toContain(
    'rpc_calls_total{method="entdb.v1.CommandService/ExecuteAtomic",code="OK",service="fixture"} 1',
  );

  service.child.kill('SIGTERM');
  expect(await service.exitCode()).toBe(0);
  expect(service.messages().slice(-4)).toEqual([
    'draining',
    'closed second',
    'closed first',
    'stopped',
  ]);
});

it('lets calls in flight finish before anything is closed', async () => {
  const service = await started();
  const slow = service.client().executeAtomic({ tenantId: 'slow' });
  await service.hears('slow call is in');
  service.child.kill('SIGTERM');
  expect((await slow).ids).toEqual(['hello']);
  expect(await service.exitCode()).toBe(0);
});

it('says not ready while it drains, and still lives', async () => {
  const service = await started({ ENTDB_DRAIN_WAIT: '1s' });
  const page = async (name: string) => (await fetch(`${service.address('http')}/${name}`)).status;
  expect([await page('readyz'), await page('livez')]).toEqual([200, 200]);
  service.child.kill('SIGTERM');
  await service.hears('draining');
  expect([await page('readyz'), await page('livez'), await page('health')]).toEqual([
    503, 200, 200,
  ]);
  expect((await service.client().executeAtomic({})).ids).toEqual(['hello']);
  expect(await service.exitCode()).toBe(0);
});

it('tells an open stream to stop after the grace', async () => {
  const service = await started({ ENTDB_DRAIN_GRACE: '50ms' });
  const never = Promise.withResolvers<never>();
  async function* requests() {
    yield { id: 1n };
    await never.promise;
  }
  const ended = (async () => {
    for await (const { id } of service.client().executeStream(requests())) {
      expect(id).toBe(1n);
      service.child.kill('SIGTERM');
    }
  })().catch((error: unknown) => ConnectError.from(error));
  const error = await ended;
  expect(error?.code).toBe(Code.Unavailable);
  expect(error?.rawMessage).toBe('the server is stopping');
  expect(await service.exitCode()).toBe(0);
  expect(service.messages()).toContain('calls in flight are told to stop');
});

it('exits at once on a second signal', async () => {
  const service = await started({ ENTDB_DRAIN_WAIT: '60s' });
  service.child.kill('SIGINT');
  await service.hears('draining');
  service.child.kill('SIGINT');
  expect(await service.exitCode()).toBe(1);
});

it.each([
  ['invariant', 'an error that nobody handles: the process stops'],
  ['uncaught', 'a rejection that nobody handles: the process stops'],
])('stops with code 1 on %s', async (tenantId, line) => {
  const service = await started();
  await service
    .client()
    .executeAtomic({ tenantId })
    .catch(() => undefined);
  expect(await service.exitCode()).toBe(1);
  expect(service.said(line)).toMatchObject({ level: 'error', err: { stack: expect.any(String) } });
});

it('reports all faulty settings to a person and exits with 78', async () => {
  const service = new Service({ ENTDB_RPC_PORT: 'x', ENTDB_LOG_LEVEL: 'loud' });
  expect(await service.exitCode()).toBe(78);
  expect(service.stderr).toContain('ENTDB_RPC_PORT is "x"');
  expect(service.stderr).toContain('ENTDB_LOG_LEVEL is "loud"');
});

it.each(['ENTDB_RPC_PORT', 'ENTDB_HTTP_PORT'])(
  'names %s when its port is taken, and a free one',
  async (variable) => {
    const taken = createServer();
    await once(taken.listen(0, '127.0.0.1'), 'listening');
    const { port } = taken.address() as { port: number };
    const service = new Service({ [variable]: String(port) });
    expect(await service.exitCode()).toBe(78);
    expect(service.said('the service could not start')).toMatchObject({
      err: {
        code: 'PORT_IN_USE',
        message: `127.0.0.1:${port} (${variable}) is taken by another process`,
        hint: expect.stringMatching(new RegExp(`${variable}=\\d+`)),
      },
    });
    expect(service.messages()).not.toContain('closed first');
    await new Promise((resolve) => taken.close(resolve));
  },
);

it('stops when its parent is gone, if asked to', async () => {
  const service = await started({ ENTDB_EXIT_WITH_PARENT: 'true' });
  service.child.stdin?.end();
  expect(await service.exitCode()).toBe(0);
  expect(service.said('draining')).toMatchObject({ reason: 'the parent is gone' });
});
