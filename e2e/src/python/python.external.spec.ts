/**
 * Another language's own gRPC, with stubs from our .proto files alone, against real processes.
 * Method: the stubs are generated into a temporary folder by grpcio-tools; client.py says in JSON what it saw.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startTestFleet } from '../parts/fleet.ts';

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../../..');
const python = join(root, '.tools/venv/bin/python');

let stubs: string;
beforeAll(async () => {
  if (!existsSync(python)) throw new Error(`there is no ${python}; bring it with: make external`);
  stubs = mkdtempSync(join(tmpdir(), 'entdb-python-'));
  const out = ['python', 'grpc_python'].map((kind) => `--${kind}_out=${stubs}`);
  // The health check is generated beside the package `grpc`, not into it.
  const dirs = [join(root, 'proto'), join(root, 'proto/grpc/health/v1'), here];
  const paths = dirs.map((dir) => `--proto_path=${dir}`);
  const ours = readdirSync(join(root, 'proto/entdb/v1')).map((name) => `entdb/v1/${name}`);
  const files = [...ours, 'health.proto', 'status.proto'];
  await run(python, ['-m', 'grpc_tools.protoc', ...paths, ...out, ...files]);
}, 120_000);
afterAll(() => rmSync(stubs, { recursive: true, force: true }));

describe("Python's grpcio", () => {
  it('writes, reads, streams, asks for health, and gets an error with its details', async () => {
    await using test = await startTestFleet({ gateways: 1 });
    const hosts = [...test.fleet.gateways, ...test.fleet.appliers].map(
      ({ address }) => new URL(address).host,
    );
    const { stdout } = await run(python, [join(here, 'client.py'), stubs, ...hosts]);
    expect(JSON.parse(stdout)).toEqual({
      health: [1, 1],
      same_result: true,
      email: 'ada@x',
      big: '9223372036854775807',
      false_is_there: true,
      absent_is_absent: true,
      streamed: 20,
      found: [1, [true]],
      appliers: 1,
      error: ['INVALID_ARGUMENT', 'EMPTY_TRANSACTION', 'operations', true],
    });
  }, 300_000);
});
