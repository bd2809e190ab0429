/** Method: as run.spec.ts, with the objects on an S3 server. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runGitHistory } from './run.ts';
import { makeRepository } from './testing/repository.ts';

it('restores every commit from S3, and git agrees', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'entdb-git-history-'));
  try {
    const repo = join(dir, 'repo');
    makeRepository(repo);
    const run = join(dir, 'run');
    mkdirSync(run);
    const options = { repo, dir: run, sample: Infinity, seed: 1, s3: true, say: () => {} };
    expect(await runGitHistory(options)).toEqual({
      commits: 26,
      restored: 78,
      equal: 78,
      different: 0,
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}, 180_000);
