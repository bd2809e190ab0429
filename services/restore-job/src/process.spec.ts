/** The job as Kubernetes runs it: settings by environment, JSON lines, exit codes, killed and started again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDirectoryStore } from '@entdb/object-store';
import * as fc from 'fast-check';
import { archiveTenant } from './testing/archive.ts';

const program = join(__dirname, 'main.ts');
const rounds = Number(process.env['ENTDB_KILL_ROUNDS'] ?? 4);
const tenants = ['tenant-a', 'tenant-b', 'tenant-c'];
const records = 900;
const dir = mkdtempSync(join(tmpdir(), 'entdb-restore-job-'));

beforeAll(async () => {
  const store = createDirectoryStore({ directory: join(dir, 'objects') });
  for (const tenant of tenants) await archiveTenant(store, tenant, { records, perSegment: 150 });
  await store.close();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

type Line = Readonly<Record<string, unknown>>;
interface Ended {
  /** null: by a signal. */
  readonly code: number | null;
  readonly lines: readonly Line[];
}

/** Runs the job; `harm` sees each line as it comes, and the pid. */
async function job(
  env: Readonly<Record<string, string>>,
  harm: (line: Line, count: number, kill: (signal: NodeJS.Signals) => void) => void = () => {},
): Promise<Ended> {
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env['PATH'], ENTDB_DATA_DIR: dir, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const lines: Line[] = [];
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    harm(line, lines.length, (signal) => child.kill(signal));
  }
  const [code] = await exited;
  return { code, lines };
}

const all = (name: string, rest: Readonly<Record<string, string>> = {}) => ({
  ENTDB_RESTORE_TENANTS: tenants.join(','),
  ENTDB_RESTORE_OUTPUT_DIR: join(dir, name),
  ENTDB_RESTORE_TARGET_SEQUENCE: String(records - 1),
  ...rest,
});
const digestsIn = (name: string): readonly unknown[] =>
  tenants.map((tenant) => {
    const path = join(dir, name, tenant, 'report.json');
    return (JSON.parse(readFileSync(path, 'utf8')) as { digests: unknown }).digests;
  });
const codeOf = (lines: readonly Line[]): unknown =>
  lines.findLast((line) => line['code'] !== undefined)?.['code'];

it('restores what its environment says, and tells each report in a line', async () => {
  const { code, lines } = await job(all('plain'));
  expect(code).toBe(0);
  expect(
    lines
      .filter(({ report }) => report !== undefined)
      .map(({ tenantId }) => String(tenantId))
      .toSorted(),
  ).toEqual(tenants);
  expect(lines.at(-1)).toMatchObject({ exitCode: 0 });
  expect(readdirSync(join(dir, 'plain')).toSorted()).toEqual(tenants);
});

it(`completes what was cut off over ${rounds} rounds of SIGKILL, and nothing half-made is ever in place`, async () => {
  await job(all('wanted'));
  const seed = Number(process.env['ENTDB_TEST_SEED'] ?? 20261123);
  process.stdout.write(`restore-job kills: seed ${seed}\n`);
  const plan = fc.sample(fc.integer({ min: 1, max: 26 }), { numRuns: rounds, seed });
  let killed = 0;
  for (const [round, count] of plan.entries()) {
    const name = `killed-${round}`;
    const cut = await job(
      all(name, { ENTDB_RESTORE_PARALLEL: String(1 + (round % 3)) }),
      (_line, n, kill) => {
        if (n === count) kill('SIGKILL');
      },
    );
    killed += cut.code === null ? 1 : 0;
    for (const tenant of readdirSync(join(dir, name)).filter((entry) => tenants.includes(entry)))
      expect(existsSync(join(dir, name, tenant, 'report.json'))).toBe(true);
    // What was finished is refused, and what was not goes on: so the job says --force, or names who is missing.
    const again = await job(all(name, { ENTDB_RESTORE_FORCE: 'true' }));
    expect({ round, code: again.code }).toEqual({ round, code: 0 });
    expect(digestsIn(name)).toEqual(digestsIn('wanted'));
    expect(readdirSync(join(dir, name)).toSorted()).toEqual(tenants);
  }
  expect(killed).toBeGreaterThan(0);
}, 240_000);

it('stopped by SIGTERM ends with 1, and goes on where it was', async () => {
  const stopped = await job(all('stopped', { ENTDB_RESTORE_PARALLEL: '1' }), (line, _n, kill) => {
    if (line['phase'] === 'segments') kill('SIGTERM');
  });
  expect(stopped.code).toBe(1);
  const { code } = await job(all('stopped', { ENTDB_RESTORE_FORCE: 'true' }));
  expect(code).toBe(0);
  expect(digestsIn('stopped')).toEqual(digestsIn('plain'));
});

const one = (name: string, rest: Readonly<Record<string, string>>) => ({
  ENTDB_RESTORE_TENANTS: 'tenant-a',
  ENTDB_RESTORE_OUTPUT_DIR: join(dir, name),
  ...rest,
});
it.each<[number, string, Readonly<Record<string, string>>]>([
  [2, 'INVALID_SETTING', {}],
  [2, 'INVALID_TARGET', one('x', {})],
  [2, 'INVALID_TARGET', one('x', { ENTDB_RESTORE_TARGET_TIME: '2026-01-15T00:00:00' })],
  [2, 'INVALID_SETTING', one('x', { ENTDB_RESTORE_PARALLEL: '0' })],
  [3, 'TARGET_BEFORE_FIRST', one('x', { ENTDB_RESTORE_TARGET_POSITION: '0' })],
  [3, 'TARGET_BEYOND_ARCHIVE', one('x', { ENTDB_RESTORE_TARGET_SEQUENCE: '99999' })],
  [
    3,
    'NOTHING_ARCHIVED',
    { ...one('x', { ENTDB_RESTORE_LATEST: 'true' }), ENTDB_RESTORE_TENANTS: 'nobody' },
  ],
  [
    2,
    'INVALID_SETTING',
    one('x', {
      ENTDB_RESTORE_IN_PLACE: 'true',
      ENTDB_RESTORE_TARGET_SEQUENCE: '7',
      ENTDB_RESTORE_KEY: 'k',
    }),
  ],
  [
    2,
    'INVALID_SETTING',
    one('x', {
      ENTDB_RESTORE_IN_PLACE: 'true',
      ENTDB_RESTORE_TARGET_SEQUENCE: '7',
      ENTDB_RESTORE_CONFIRM_TENANT: 'tenant-a',
    }),
  ],
  [
    1,
    'LOG_UNAVAILABLE',
    one('x', {
      ENTDB_RESTORE_IN_PLACE: 'true',
      ENTDB_RESTORE_TARGET_SEQUENCE: '7',
      ENTDB_RESTORE_CONFIRM_TENANT: 'tenant-a',
      ENTDB_RESTORE_KEY: 'k',
    }),
  ],
])('ends with %i, %s, for %j', async (expected, wanted, env) => {
  const { code, lines } = await job(env);
  expect({ code, error: codeOf(lines) }).toEqual({ code: expected, error: wanted });
  expect(existsSync(join(dir, 'x')) ? readdirSync(join(dir, 'x')) : []).toEqual([]);
});

it('ends with 5 where the archive may not be all, and with 0 where that is accepted', async () => {
  const latest = (name: string, rest: Readonly<Record<string, string>>) =>
    one(name, { ENTDB_RESTORE_LATEST: 'true', ENTDB_RESTORE_ARCHIVE_ONLY: 'true', ...rest });
  expect(await job(latest('five', {}))).toMatchObject({ code: 5 });
  expect(await job(latest('accepted', { ENTDB_RESTORE_ACCEPT_INCOMPLETE: 'true' }))).toMatchObject({
    code: 0,
  });
});
