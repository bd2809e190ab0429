/**
 * Runs jest, says in one line which specs were left out and how to run them, and closes with the
 * counts from jest's own results. Arguments go to jest. Exits with 1 unless tests ran and passed.
 *
 * Leaves `.tools/reports/jest.json` and `.tools/reports/closing-line` for who comes after.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type JestResults, judge, NO_RESULTS } from './report.ts';

const REPORTS = '.tools/reports';
const RESULTS = `${REPORTS}/jest.json`;
const NEEDS = ['kafka', 'external', 'slow'] as const;

process.chdir(fileURLToPath(new URL('../../..', import.meta.url)));

const strict = process.env['CI'] === 'true';
const everything = strict || process.env['ENTDB_TEST_EXTERNAL'] === '1';

rmSync(REPORTS, { recursive: true, force: true });
mkdirSync(REPORTS, { recursive: true });
const jest = ['--json', `--outputFile=${RESULTS}`, ...process.argv.slice(2)];
const { status } = spawnSync('jest', jest, { stdio: ['ignore', 'ignore', 'inherit'] });

const verdict = existsSync(RESULTS)
  ? judge(JSON.parse(readFileSync(RESULTS, 'utf8')) as JestResults, strict)
  : NO_RESULTS;
if (strict) for (const name of verdict.skipped) console.log(`skipped, which CI refuses: ${name}`);
if (!everything) console.log(leftOut());
console.log(verdict.line);
writeFileSync(`${REPORTS}/closing-line`, `${verdict.line}\n`);
process.exitCode = status === 0 && verdict.ok ? 0 : 1;

/** `Left out 2 kafka and 1 slow spec files ...`, counted from the files there are. */
function leftOut(): string {
  const counted = NEEDS.map((need) => ({
    need,
    count: globSync(`{libs,services,e2e,examples,deploy}/**/*.${need}.spec.ts`, {
      exclude: (entry) => /(^|\/)(node_modules|dist|fixture)$/.test(entry),
    }).length,
  })).filter(({ count }) => count > 0);
  if (counted.length === 0) return 'Nothing was left out.';
  const list = counted.map(({ need, count }) => `${count} ${need}`).join(', ');
  return `Left out spec files that need more than Node: ${list}. They run with: make test-all`;
}
