import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const identity = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example.com' };
const committer = { GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@example.com' };
const plain = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };

export function git(repo: string, ...args: string[]): string {
  const env = { ...process.env, ...identity, ...committer, ...plain };
  return execFileSync('git', ['-C', repo, ...args], { env, encoding: 'utf8' }).trim();
}

/** A small repository with all that a tree can do. */
export function makeRepository(repo: string): void {
  mkdirSync(repo);
  const put = (path: string | Buffer, text: string) =>
    writeFileSync(Buffer.concat([Buffer.from(`${repo}/`), Buffer.from(path)]), text);
  const commit = (message: string): void => {
    git(repo, 'add', '--all');
    git(repo, 'commit', '--quiet', '--allow-empty', '--message', message);
  };
  git(repo, 'init', '--quiet', '--initial-branch=main');
  put('a', '1');
  mkdirSync(join(repo, 'folder'));
  put('folder/b', '1');
  put(Buffer.from([0x66, 0xff, 0x0a]), 'a name that is no UTF-8, with a line feed');
  commit('root');
  put('a', '2');
  chmodSync(join(repo, 'a'), 0o755);
  symlinkSync('a', join(repo, 'link'));
  commit('change, mode, link');
  git(repo, 'checkout', '--quiet', '-b', 'side', 'HEAD~1');
  put('of-the-side', '1');
  commit('side 1');
  rmSync(join(repo, 'folder/b'));
  commit('side 2');
  git(repo, 'checkout', '--quiet', 'main');
  git(repo, 'merge', '--quiet', '--no-ff', '--message', 'merge', 'side');
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
