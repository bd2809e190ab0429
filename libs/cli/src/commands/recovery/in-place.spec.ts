/** A live tenant of a running fleet, made again what it was: by the command line and by the job, undone, repeated, refused, and cut off. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '@entdb/base';
import { startFleet, type Fleet } from '@entdb/deploy/local';
import { runEntdb } from './testing/archive.ts';

jest.setTimeout(300_000);

const tenantId = 'tenant_123';
const main = join(__dirname, '../../main.ts');
const jobProgram = join(__dirname, '../../../../../services/restore-job/src/main.ts');
let dir: string;
let fleet: Fleet;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'entdb-cli-fleet-'));
  const env = { ENTDB_ARCHIVE_IDLE: '200ms', ENTDB_DRAIN_WAIT: '0ms' };
  fleet = await startFleet({ dataDir: dir, archivers: 1, appliers: 2, env });
  await fleet.ready(120_000);
  for (let n = 1; n <= 8; n += 1) await order(n);
  await write('the-accident', { deleteWhere: { typeId: 1 } });
});
afterAll(async () => {
  await fleet.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function call(base: string, method: string, body: object): Promise<Record<string, unknown>> {
  const answer = await fetch(`${base}/entdb.v1.${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { ok: answer.ok, ...((await answer.json()) as object) };
}
const write = async (idempotencyKey: string, operation: object) => {
  const request = { tenantId, idempotencyKey, wait: 'WAIT_APPLIED', operations: [operation] };
  const answer = await call(fleet.endpoint, 'CommandService/ExecuteAtomic', request);
  expect(answer).toMatchObject({ ok: true });
};
const order = (n: number) =>
  write(`order-${n}`, { createNode: { typeId: 1, fields: { 1: { str: `order ${n}` } } } });

/** What each applier answers once it stands in this epoch: an order's text for each node. */
async function ordersIn(epoch: number): Promise<readonly (readonly string[])[]> {
  return Promise.all(
    fleet.appliers.map(async ({ address }) => {
      const request = { scope: { tenantId }, typeId: 1 };
      for (;;) {
        const { ok, position, nodes } = await call(address, 'QueryService/QueryNodes', request);
        const is = Number((position as { epoch?: string } | undefined)?.epoch ?? 0);
        if (ok === true && is >= epoch) {
          const found = (nodes ?? []) as readonly { fields: { 1: { str: string } } }[];
          return found.map(({ fields }) => fields[1].str).toSorted();
        }
        await realClock.sleep(20);
      }
    }),
  );
}
const eight = Array.from({ length: 8 }, (_, i) => `order ${i + 1}`);

const env = () => ({ ENTDB_DATA_DIR: dir });
const inPlace = (...args: string[]) =>
  runEntdb(['restore', 'in-place', '--tenant-id', tenantId, ...args], env());
const json = (...args: string[]) => {
  const { status, stdout } = inPlace(...args, '--json');
  return { status, body: JSON.parse(stdout) as Record<string, Record<string, unknown>> };
};
/** The one in which the tenant is. */
const epochNow = () => Number(json('--target-sequence', '1').body['preview']?.['epoch']);
const keyOf = (report: Record<string, unknown> | undefined) => report?.['position'];

it('previews, restores, repeats, refuses and undoes', async () => {
  const before = ['--target-key', 'the-accident', '--exclusive'];
  const preview = inPlace(...before);
  expect(preview).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('nothing was changed'),
  });
  expect(preview.stdout).toContain('  undone       1 record, ');
  expect(preview.stdout).toMatch(/ {2}nodes {8}type 1: added 8 \(.*, …\)/);
  expect(preview.stdout).toContain(`--target-sequence 8 --expected-epoch 1 --yes`);
  expect(await ordersIn(1)).toEqual([[], []]);

  const done = json(...before, '--yes', '--key', 'incident-1');
  expect(done).toMatchObject({
    status: 0,
    body: { report: { epoch: 2, records: 10, restored: { sequence: 8 }, key: 'incident-1' } },
  });
  expect(await ordersIn(2)).toEqual([eight, eight]);

  // The answer to a command that was sent twice is the first one's.
  const again = json(...before, '--yes', '--key', 'incident-1');
  expect(again).toMatchObject({ status: 0, body: { report: { epoch: 2, records: null } } });
  expect(keyOf(again.body['report'])).toEqual(keyOf(done.body['report']));

  const late = inPlace('--target-sequence', '5', '--expected-epoch', '1', '--yes');
  expect(late).toMatchObject({
    status: 3,
    stderr: expect.stringContaining('PRECONDITION_FAILED: '),
  });
  const other = inPlace('--target-sequence', '5', '--yes', '--key', 'incident-1');
  expect(other.stderr).toContain('IDEMPOTENCY_KEY_REUSED: ');
  expect(other.status).toBe(3);

  const { undo } = done.body as unknown as { undo: string };
  expect(runEntdb(undo.split(' ').slice(1), env())).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('  epoch        3\n'),
  });
  expect(await ordersIn(3)).toEqual([[], []]);
  expect(runEntdb(['verify', '--all', '--level', 'restore'], env())).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('findings 0'),
  });
});

it('cut off once it has told its key, is done once by whoever says it again', async () => {
  const next = epochNow() + 1;
  const args = ['restore', 'in-place', '--tenant-id', tenantId, '--target-sequence', '8'];
  const child = spawn(process.execPath, [main, ...args, '--yes'], {
    // What it leaves among the temporary files goes with the test.
    env: { PATH: process.env['PATH'], ...env(), TMPDIR: dir },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  let said = '';
  for await (const chunk of child.stderr.setEncoding('utf8')) {
    said += String(chunk);
    if (/^key \S+;/m.test(said)) child.kill('SIGKILL');
  }
  await exited;
  const key = /^key (\S+);/m.exec(said)![1]!;
  const { status, body } = json('--target-sequence', '8', '--yes', '--key', key);
  expect({ status, epoch: body['report']?.['epoch'] }).toEqual({ status: 0, epoch: next });
  expect(await ordersIn(next)).toEqual([eight, eight]);
});

it('is done by the job, once, however often it is started', async () => {
  const next = epochNow() + 1;
  const job = () =>
    spawnSync(process.execPath, [jobProgram], {
      env: {
        PATH: process.env['PATH'],
        ...env(),
        ENTDB_RESTORE_TENANTS: tenantId,
        ENTDB_RESTORE_CONFIRM_TENANT: tenantId,
        ENTDB_RESTORE_OUTPUT_DIR: join(dir, 'job'),
        ENTDB_RESTORE_IN_PLACE: 'true',
        ENTDB_RESTORE_TARGET_SEQUENCE: '5',
        ENTDB_RESTORE_KEY: 'job-1',
      },
      encoding: 'utf8',
    });
  for (let run = 0; run < 2; run += 1) {
    const { status, stdout } = job();
    expect(status).toBe(0);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    const told = lines.find((line) => 'report' in line);
    expect(told).toMatchObject({
      report: { epoch: next, restored: { sequence: 5 }, key: 'job-1' },
    });
  }
  expect(await ordersIn(next)).toEqual([eight.slice(0, 5), eight.slice(0, 5)]);
  expect(readdirSync(join(dir, 'job'))).toEqual([]);
});
