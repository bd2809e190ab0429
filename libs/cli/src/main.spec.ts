/** The command line as a process: what it prints where, and how it ends. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'entdb-cli-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const main = join(__dirname, 'main.ts');
const environment = (env: Record<string, string>) => ({
  PATH: process.env['PATH'],
  ENTDB_DATA_DIR: dir,
  ...env,
});

function entdb(args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    env: environment(env),
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('entdb topics', () => {
  it('creates what is missing, and finds it sound afterwards', () => {
    const missing = entdb(['topics', 'check']);
    expect(missing).toMatchObject({ status: 1 });
    expect(missing.stderr).toContain('TOPIC_MISSING: topic entdb-wal does not exist');
    expect(missing.stderr).toContain('Try: run: entdb topics create');
    expect(missing.stdout).toMatch(/entdb-wal +- +- +- +missing/);

    const created = entdb(['topics', 'create']);
    expect(created).toMatchObject({ status: 0 });
    expect(created.stderr).toBe('made entdb-wal\nmade entdb-results\nmade entdb-status\n');
    expect(created.stdout).toMatch(/^TOPIC.*\nentdb-wal +8 +1 +1 +ok\n/);

    expect(entdb(['topics', 'create'])).toMatchObject({ status: 0, stderr: '' });
    const check = entdb(['topics', 'check', '--json']);
    expect(check.status).toBe(0);
    expect(JSON.parse(check.stdout)).toMatchObject({
      faults: [],
      topics: [{ name: 'entdb-wal', actual: { partitions: 8 } }, {}, { name: 'entdb-status' }],
    });
  });

  it('refuses a topic that was made otherwise', () => {
    entdb(['topics', 'create']);
    const check = entdb(['topics', 'check', '--json'], { ENTDB_WAL_PARTITIONS: '3' });
    expect(check.status).toBe(1);
    expect(check.stderr).toContain('TOPIC_MISMATCH');
    expect(JSON.parse(check.stdout)).toMatchObject({ faults: [{ kind: 'mismatch' }, {}] });
  });

  it('names a setting that is wrong', () => {
    const { status, stderr } = entdb(['topics', 'check'], { ENTDB_WAL_PARTITIONS: 'many' });
    expect(status).toBe(1);
    expect(stderr).toContain('ENTDB_WAL_PARTITIONS is "many"');
  });
});

describe('entdb explain', () => {
  it('prints the page of a code, however it is written', () => {
    expect(entdb(['explain', 'log_gap'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^# LOG_GAP/),
    });
  });

  it('lists all codes', () => {
    const { status, stdout } = entdb(['explain', '--list']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^CODE +MEANING\n/);
    expect(stdout.split('\n').length).toBeGreaterThan(40);
  });

  it.each([
    ['LOG', 'did you mean LOG_'],
    ['constructor', 'entdb explain --list'],
    ['../../README', 'entdb explain --list'],
  ])('says that there is no code %s', (code, hint) => {
    const { status, stdout, stderr } = entdb(['explain', code]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(hint);
  });
});

it.each([[['frobnicate']], [['topics', 'check', '--nonsense']], [['explain', 'A', 'B']]])(
  'ends %p with 2: wrong usage',
  (args) => {
    const { status, stderr } = entdb(args);
    expect(status).toBe(2);
    expect(stderr).toContain('error:');
  },
);

it('says its exit codes, and ends with 0, when it is asked for help', () => {
  expect(entdb(['--help'])).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('Exit codes: 0 done, 1 failed, 2 wrong usage'),
  });
});

it('is quiet when its reader has seen enough', async () => {
  const child = spawn(process.execPath, [main, 'explain', '--list'], {
    env: environment({}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
