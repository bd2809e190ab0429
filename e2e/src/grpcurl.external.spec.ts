/**
 * grpcurl and curl with nothing but an address: they learn the services by reflection, write, and read back.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startTestFleet, type TestFleet } from './parts/fleet.ts';

const run = promisify(execFile);
const grpcurl = join(fileURLToPath(new URL('../..', import.meta.url)), '.tools/bin/grpcurl');

let test: TestFleet;
let gateway: string;
let applier: string;
beforeAll(async () => {
  if (!existsSync(grpcurl)) throw new Error(`there is no ${grpcurl}; bring it with: make external`);
  test = await startTestFleet({ gateways: 1 });
  [gateway = '', applier = ''] = [...test.fleet.gateways, ...test.fleet.appliers].map(
    ({ address }) => address,
  );
}, 200_000);
afterAll(() => test[Symbol.asyncDispose](), 60_000);

const host = (address: string) => new URL(address).host;

async function ask(address: string, ...rest: readonly string[]): Promise<string> {
  return (
    await run(grpcurl, ['-plaintext', ...rest.slice(0, -1), host(address), ...rest.slice(-1)])
  ).stdout;
}

async function call<T>(address: string, method: string, body: object): Promise<T> {
  return JSON.parse(await ask(address, '-d', JSON.stringify(body), `entdb.v1.${method}`)) as T;
}

async function curl<T>(address: string, method: string, body: object): Promise<T> {
  const url = `${address}/entdb.v1.${method}`;
  const { stdout } = await run('curl', [
    '-sS',
    '-H',
    'content-type: application/json',
    '-d',
    JSON.stringify(body),
    url,
  ]);
  return JSON.parse(stdout) as T;
}

interface Receipt {
  readonly position: object;
  readonly ids: readonly string[];
}
interface Found {
  readonly node: { readonly fields: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
}

const writeOf = (tenantId: string, email: string) => ({
  tenantId,
  idempotencyKey: `write ${email}`,
  wait: 'WAIT_APPLIED',
  operations: [
    {
      createNode: {
        typeId: 1,
        fields: { 1: { str: email }, 2: { int: '9007199254740993' }, 3: { bool: false } },
      },
    },
  ],
});

describe('grpcurl', () => {
  it('lists and describes what each server offers', async () => {
    expect((await ask(gateway, 'list')).split('\n')).toEqual(
      expect.arrayContaining([
        'entdb.v1.CommandService',
        'entdb.v1.AdminService',
        'grpc.health.v1.Health',
      ]),
    );
    expect((await ask(applier, 'list')).split('\n')).toEqual(
      expect.arrayContaining(['entdb.v1.QueryService', 'grpc.health.v1.Health']),
    );
    const described = (
      await run(grpcurl, ['-plaintext', host(gateway), 'describe', 'entdb.v1.CreateNode'])
    ).stdout;
    expect(described).toContain('map<uint32, .entdb.v1.Value> fields');
  });

  it('asks for health', async () => {
    for (const address of [gateway, applier])
      expect(JSON.parse(await ask(address, 'grpc.health.v1.Health/Check'))).toEqual({
        status: 'SERVING',
      });
  });

  it('writes, and reads what it wrote', async () => {
    const { position, ids } = await call<Receipt>(
      gateway,
      'CommandService/ExecuteAtomic',
      writeOf('grpcurl', 'a@x'),
    );
    const scope = { tenantId: 'grpcurl', atLeast: position };
    const { node } = await call<Found>(applier, 'QueryService/GetNode', { scope, id: ids[0] });
    expect(node.fields).toEqual({
      1: { str: 'a@x' },
      2: { int: '9007199254740993' },
      3: { bool: false },
    });
  });

  it('sees an error with its details', async () => {
    const failed = await ask(
      gateway,
      '-d',
      '{"tenantId":"grpcurl","idempotencyKey":"empty"}',
      'entdb.v1.CommandService/ExecuteAtomic',
    ).catch((error: { readonly stderr: string }) => error.stderr);
    expect(failed).toContain('InvalidArgument');
    expect(failed).toContain('EMPTY_TRANSACTION');
  });
});

describe('curl', () => {
  it('writes, and reads what it wrote', async () => {
    const { position, ids } = await curl<Receipt>(
      gateway,
      'CommandService/ExecuteAtomic',
      writeOf('curl', 'b@x'),
    );
    const scope = { tenantId: 'curl', atLeast: position };
    const { node } = await curl<Found>(applier, 'QueryService/GetNode', { scope, id: ids[0] });
    expect(node.fields['2']).toEqual({ int: '9007199254740993' });
    const listed = await curl<{ tenantIds: readonly string[] }>(
      applier,
      'QueryService/ListTenants',
      {},
    );
    expect(listed.tenantIds).toContain('curl');
  });
});
