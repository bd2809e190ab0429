/**
 * Method: a small repository with all that a tree can do (files that go and come back, a merge, an empty commit, a link, a mode, a path that is no
 * UTF-8), replayed through a real fleet. Each of its commits is restored in three ways, and git says what must be there.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstDifference } from './compare.ts';
import { listTree, readHistory } from './git.ts';
import { runGitHistory } from './run.ts';
import { git, makeRepository } from './testing/repository.ts';

let dir: string;
let repo: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'entdb-git-history-'));
  repo = join(dir, 'repo');
  makeRepository(repo);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('reads the first-parent history with every change that git has', async () => {
  const tree = new Map<string, string>();
  const history = await readHistory(repo);
  expect(history.map(({ id }) => id)).toEqual(
    git(repo, 'rev-list', '--first-parent', '--reverse', 'HEAD').split('\n'),
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
