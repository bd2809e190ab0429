/**
 * Method: a small repository with all that a tree can do (files that go and come back, a merge, an empty commit, a link, a mode, a path that is no
 * UTF-8), replayed through a real fleet. Each of its commits is restored in three ways, and git says what must be there.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstDifference } from './compare.ts';
import { listTree, readHistory } from './git.ts';
import { runGitHistory } from './run.ts';

let dir: string;
let repo: string;

const identity = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example.com' };
const committer = { GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@example.com' };
const plain = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };

function git(...args: string[]): string {
  const env = { ...process.env, ...identity, ...committer, ...plain };
  return execFileSync('git', ['-C', repo, ...args], { env, encoding: 'utf8' }).trim();
}

function commit(message: string): void {
  git('add', '--all');
  git('commit', '--quiet', '--allow-empty', '--message', message);
}

const put = (path: string | Buffer, text: string) =>
  writeFileSync(Buffer.concat([Buffer.from(`${repo}/`), Buffer.from(path)]), text);

function makeRepository(): void {
  git('init', '--quiet', '--initial-branch=main');
  put('a', '1');
  mkdirSync(join(repo, 'folder'));
  put('folder/b', '1');
  put(Buffer.from([0x66, 0xff, 0x0a]), 'a name that is no UTF-8, with a line feed');
  commit('root');
  put('a', '2');
  chmodSync(join(repo, 'a'), 0o755);
  symlinkSync('a', join(repo, 'link'));
  commit('change, mode, link');
  git('checkout', '--quiet', '-b', 'side', 'HEAD~1');
  put('of-the-side', '1');
  commit('side 1');
  rmSync(join(repo, 'folder/b'));
  commit('side 2');
  git('checkout', '--quiet', 'main');
  git('merge', '--quiet', '--no-ff', '--message', 'merge', 'side');
  commit('empty');
  rmSync(join(repo, 'a'));
  commit('without a');
  put('a', '3');
  commit('a again');
  for (let n = 0; n < 20; n += 1) {
    put('a', `${n}`);
    put(`file-${n % 7}`, `${n}`);
    if (n % 3 === 0) rmSync(join(repo, `file-${(n + 4) % 7}`), { force: true });
    commit(`more ${n}`);
  }
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'entdb-git-history-'));
  repo = join(dir, 'repo');
  mkdirSync(repo);
  makeRepository();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('reads the first-parent history with every change that git has', async () => {
  const tree = new Map<string, string>();
  const history = await readHistory(repo);
  expect(history.map(({ id }) => id)).toEqual(
    git('rev-list', '--first-parent', '--reverse', 'HEAD').split('\n'),
  );
  for (const { id, put: changed, removed } of history) {
    for (const path of removed) expect(tree.delete(path)).toBe(true);
    for (const { path, mode, blob, isNew } of changed) {
      expect(tree.has(path)).toBe(!isNew);
      tree.set(path, `${path} ${mode} ${blob}`);
    }
    expect([...tree.values()].toSorted()).toEqual(await listTree(repo, id));
  }
});

it('restores every commit by key, by time and by position, and git agrees', async () => {
  const lines: string[] = [];
  const run = join(dir, 'run');
  mkdirSync(run);
  const say = (line: string) => void lines.push(line);
  const tally = await runGitHistory({ repo, dir: run, sample: Infinity, seed: 1, say });
  expect({ ...tally, lines }).toEqual({
    commits: 26,
    restored: 78,
    equal: 78,
    different: 0,
    lines: ['snapshot after commit 13: made', 'replayed 26 commits, and all of them are archived'],
  });
});

it('sees a file that is missing, one too many, and one that is another', () => {
  expect(firstDifference(['a 1 x', 'b 1 x'], ['a 1 x', 'b 1 x'])).toBeUndefined();
  expect(firstDifference(['a 1 x'], ['a 1 x', 'b 1 x'])).toContain('git has b 1 x');
  expect(firstDifference(['a 1 x', 'b 1 x'], ['a 1 x'])).toContain('git has nothing');
  expect(firstDifference(['a 1 x'], ['a 1 y'])).toContain('a 1 x where git has a 1 y');
});
