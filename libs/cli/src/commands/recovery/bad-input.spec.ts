/** What a person or a disk may do wrong, one by one, on a directory: one clear error, a name, something to try, and nothing half-written. Prints the table. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '@entdb/base';
import { createDirectoryStore, type ObjectStore } from '@entdb/object-store';
import { describeBadInput, inside, runInto, type Ward } from './testing/bad-input-run.ts';
import { patientIn } from './testing/harm.ts';

// Each case is a process or several, and a machine may have other work.
jest.setTimeout(300_000);

const main = join(__dirname, '../../main.ts');
const applier = join(__dirname, '../../../../../services/applier/src/main.ts');
let dir: string;
let store: ObjectStore;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'entdb-bad-input-'));
  store = createDirectoryStore({ directory: join(dir, 'objects') });
});
afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});
const ward = (): Ward => ({
  store,
  dir,
  env: { ENTDB_DATA_DIR: dir },
  title: 'bad input, directory',
});

describe('bad input, on a directory', () => describeBadInput(ward));

describe('bad input of a machine', () => {
  const latest = ['--target-sequence', '12', '--tenant-id', 'machine'];
  beforeAll(async () => {
    await patientIn(store, 'machine');
  });

  it('the wrong folder, and an empty one', () => {
    const nowhere = runInto(dir, 'nowhere', latest, { ENTDB_DATA_DIR: join(dir, 'nowhere') });
    expect(nowhere).toMatchObject({ status: 3, left: [] });
    expect(nowhere.stderr).toMatch(/^OBJECT_STORE_DENIED: .*\n(.*\n)*? {2}Try: /);
    mkdirSync(join(dir, 'empty/objects'), { recursive: true });
    const empty = runInto(dir, 'empty', latest, { ENTDB_DATA_DIR: join(dir, 'empty') });
    expect(empty).toMatchObject({ status: 3, left: [] });
    expect(empty.stderr).toContain(
      'NOTHING_ARCHIVED: the object store holds nothing of tenant machine',
    );
    expect([inside(nowhere.out), inside(empty.out)]).toEqual([[], []]);
    expect(inside(join(dir, 'nowhere'))).toEqual([]); // reading made nothing
  });

  it('a disk that is full', () => {
    const out = join(dir, 'full');
    mkdirSync(out);
    const args = ['restore', ...latest, '--output-dir', out];
    const env = { PATH: process.env['PATH'], ENTDB_DATA_DIR: dir };
    const script = (setUp: string) =>
      `${setUp} || exit 99; "$@"; code=$?; ls -A "${out}"; exit $code`;
    const run = (command: string, ...words: readonly string[]) =>
      spawnSync(command, [...words, 'sh', process.execPath, main, ...args], {
        env,
        encoding: 'utf8',
      });
    // A small file system of its own where the kernel lends one, and a limit on the size of files everywhere.
    const mounted = run(
      'unshare',
      '-Urm',
      'sh',
      '-c',
      script(`mount -t tmpfs -o size=100k tmpfs "${out}"`),
    );
    const limited = run('bash', '-c', script('ulimit -f 64'));
    const isLent = mounted.error === undefined && mounted.status !== 99 && mounted.status !== null;
    for (const { status, stdout, stderr } of isLent ? [mounted, limited] : [limited]) {
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toContain('STORE_UNAVAILABLE: ');
      expect(stderr).toMatch(/^ {2}Try: /m);
    }
    expect(inside(out)).toEqual([]);
    process.stdout.write(
      `full disk: ${isLent ? 'a file system of 100 KB, and ' : ''}a limit on files\n`,
    );
  });

  it('a folder of files of others, forced or not asked', () => {
    const own = join(dir, 'out/own/machine');
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, 'thesis.txt'), 'mine');
    const refused = runInto(dir, 'own', latest, { ENTDB_DATA_DIR: dir });
    expect(refused).toMatchObject({ status: 3, left: [] });
    expect(refused.stderr).toContain(`OUTPUT_NOT_EMPTY: ${own} is not empty`);
    expect(refused.stderr).toContain('--force');
    expect(inside(join(dir, 'out/own'))).toEqual(['machine']);
    expect(readFileSync(join(own, 'thesis.txt'), 'utf8')).toBe('mine');
  });

  it('the folder of a running applier, forced', async () => {
    const volume = join(dir, 'out/volume');
    const child = spawn(process.execPath, [applier], {
      env: {
        PATH: process.env['PATH'],
        ENTDB_DATA_DIR: join(dir, 'fleet'),
        ENTDB_STORE_DIR: volume,
        ENTDB_RPC_PORT: '0',
        ENTDB_HTTP_PORT: '0',
        ENTDB_EXIT_WITH_PARENT: 'true',
        ENTDB_DRAIN_WAIT: '0ms',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    try {
      await isReady(child.stdout);
      const before = inside(volume);
      const where = ['--force', ...latest];
      const refused = runInto(dir, 'volume', where, { ENTDB_DATA_DIR: dir });
      expect(refused).toMatchObject({ status: 3, left: [] });
      expect(refused.stderr).toContain(`OUTPUT_IN_USE: ${join(volume, 'shard.db')} is open`);
      expect(refused.stderr).toContain('restored in place through the log');
      expect(inside(volume)).toEqual(before);
    } finally {
      child.kill('SIGKILL');
      await exited;
    }
  });
});

/** Resolves when the service says that it answers. */
async function isReady(output: NodeJS.ReadableStream): Promise<void> {
  let text = '';
  output.setEncoding('utf8');
  for await (const chunk of output) {
    text += String(chunk);
    const http = /"http":"([^"]+)"/.exec(text)?.[1];
    if (http === undefined) continue;
    output.resume();
    while (!(await fetch(`http://${http}/readyz`)).ok) await realClock.sleep(10);
    return;
  }
}
