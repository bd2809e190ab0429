import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { assertNodeVersion } from '@entdb/base';
import { runGitHistory } from './run.ts';

/** `make git-history`: a git repository as the oracle of restores. Every restored tenant must be the tree that git has. */
assertNodeVersion();

const { values } = parseArgs({
  options: {
    repo: { type: 'string', default: '.' },
    /** Commits to restore to. */
    sample: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** On an S3 server instead of a directory. */
    s3: { type: 'boolean', default: false },
  },
});

const say = (line: string) => process.stdout.write(`${line}\n`);
const dir = mkdtempSync(join(tmpdir(), 'entdb-git-history-'));
const started = performance.now();
try {
  const where = values.s3 ? 'S3 (versitygw)' : 'a directory';
  say(`repository ${values.repo}, on ${where}, sample ${values.sample}, seed ${values.seed}`);
  const { commits, restored, equal, different } = await runGitHistory({
    repo: resolve(values.repo),
    dir,
    sample: Number(values.sample),
    seed: Number(values.seed),
    s3: values.s3,
    say,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  say(`took ${seconds} s`);
  say(`commits ${commits}, restored ${restored}, equal ${equal}, different ${different}`);
  process.exitCode = different === 0 && restored > 0 ? 0 : 1;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
