/** The benchmark itself, in small: every part runs to its end and says what it found. Nothing is timed here. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Standing } from '../bench/contest.ts';

const program = join(__dirname, 'main.ts');

it('measures every contest, a small tenant, and the memory of every tool', () => {
  const dir = mkdtempSync(join(tmpdir(), 'entdb-bench-spec-'));
  try {
    const json = join(dir, 'found.json');
    const sizes = ['--records', '600', '--small', '0.5', '--memory', '0.5', '--rounds', '1'];
    const run = spawnSync(process.execPath, [program, ...sizes, '--json', json], {
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: dir },
    });
    if (run.status !== 0) throw new Error(run.stderr);
    const found = JSON.parse(readFileSync(json, 'utf8')) as {
      readonly standings: readonly Standing[];
      readonly memory: readonly { readonly tools: Record<string, { peakBytes: number }> }[];
    };
    expect(found.standings.filter(({ aim }) => aim !== undefined)).toMatchObject([
      { name: 'restore', ratio: expect.any(Number) as number },
      { name: 'replay', ratio: expect.any(Number) as number },
      { name: 'verify', ratio: expect.any(Number) as number },
      { name: 'archiver', ratio: expect.any(Number) as number },
    ]);
    const peaks = Object.entries(found.memory[0]!.tools);
    expect(peaks.map(([name]) => name)).toEqual([
      'archiver',
      'snapshot',
      'restore',
      'restore --from-scratch',
      'verify --level present',
      'verify --level checksums',
      'verify --level restore',
    ]);
    for (const [, { peakBytes }] of peaks) expect(peakBytes).toBeGreaterThan(10_000_000);
    for (const title of ['restore of a snapshot', 'replay of', 'verify', 'archiving', 'a small'])
      expect(run.stdout).toContain(title);
    expect(readdirSync(dir)).toEqual(['found.json']);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}, 300_000); // eleven processes, on whatever machine
