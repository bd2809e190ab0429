import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A file as a tree has it. Paths are bytes: git does not ask for UTF-8. */
export interface Entry {
  /** Hexadecimal. */
  readonly path: string;
  readonly mode: string;
  readonly blob: string;
}

/** What a commit changes of the tree of its first parent. */
export interface Commit {
  readonly id: string;
  readonly put: readonly (Entry & { readonly isNew: boolean })[];
  /** Paths, hexadecimal. */
  readonly removed: readonly string[];
}

const nothing = '000000';

/** The first-parent history of HEAD, oldest first. */
export async function readHistory(repo: string): Promise<readonly Commit[]> {
  const args = ['-C', repo, '-c', 'log.showRoot=true', 'log', '--first-parent', '--reverse'];
  const what = ['--diff-merges=first-parent', '--raw', '--no-renames', '--no-abbrev', '-z'];
  const git = spawn('git', [...args, ...what, '--format=commit %H'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    git.once('error', reject);
    git.once('close', resolve);
  });
  ended.catch(() => {}); // awaited below
  const commits: { id: string; put: (Entry & { isNew: boolean })[]; removed: string[] }[] = [];
  let change: readonly string[] | undefined;
  for await (const field of zeroTerminated(git.stdout)) {
    if (change) {
      const [oldMode = '', mode = '', , blob = ''] = change;
      const path = field.toString('hex');
      const commit = commits.at(-1);
      if (mode === nothing) commit?.removed.push(path);
      else commit?.put.push({ path, mode, blob, isNew: oldMode === nothing });
      change = undefined;
      continue;
    }
    const text = field.toString('latin1').trimStart();
    if (text.startsWith(':')) change = text.slice(1).split(' ');
    else if (text.startsWith('commit '))
      commits.push({ id: text.slice(7).trim(), put: [], removed: [] });
  }
  const code = await ended;
  if (code !== 0) throw new Error(`git log of ${repo} ended with ${code}`);
  return commits;
}

async function* zeroTerminated(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let rest = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      yield rest.subarray(0, end);
      rest = rest.subarray(end + 1);
    }
  }
  if (rest.length > 0) yield rest;
}

/** The oracle: what git itself says that the commit holds. A line for each file, sorted. */
export async function listTree(repo: string, commit: string): Promise<readonly string[]> {
  const { stdout } = await run('git', ['-C', repo, 'ls-tree', '-r', '-z', '--full-tree', commit], {
    encoding: 'buffer',
    maxBuffer: 1024 ** 3,
  });
  const lines: string[] = [];
  let at = 0;
  for (let end = stdout.indexOf(0); end >= 0; end = stdout.indexOf(0, at)) {
    const line = stdout.subarray(at, end);
    const tab = line.indexOf('\t');
    const [mode = '', , blob = ''] = line.subarray(0, tab).toString('latin1').split(' ');
    lines.push(lineOf({ path: line.subarray(tab + 1).toString('hex'), mode, blob }));
    at = end + 1;
  }
  return lines.toSorted();
}

export const lineOf = ({ path, mode, blob }: Entry): string => `${path} ${mode} ${blob}`;
