import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { command, type Outcome } from './outcome.ts';

const GENERATED = 'libs/contracts/src/gen';

function inTempFolder(work: (folder: string) => Outcome): Outcome {
  const folder = mkdtempSync(join(tmpdir(), 'entdb-check-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Generates afresh beside the tree and compares: the working tree is never touched by a check. */
export const generatedCode = (): Outcome =>
  inTempFolder((folder) => {
    const generated = command('buf', 'generate', '--output', folder);
    return generated.ok
      ? command('diff', '--recursive', '--brief', join(folder, GENERATED), GENERATED)
      : generated;
  });

/**
 * Compares the contract with the last release, or before the first one with the last commit. A tree
 * without git history has nothing to break.
 */
export const protoBreaking = (): Outcome =>
  inTempFolder((folder) => {
    const tag = command('git', 'describe', '--tags', '--abbrev=0');
    const base = tag.ok ? tag.output.trim() : 'HEAD';
    if (!command('git', 'cat-file', '-e', `${base}:proto`).ok) {
      return { ok: true, output: 'no earlier contract' };
    }
    const archive = join(folder, 'proto.tar');
    const steps = [
      () => command('git', 'archive', '--output', archive, base, 'proto', 'buf.yaml'),
      () => command('tar', '-xf', archive, '-C', folder),
      () => command('buf', 'breaking', '--against', folder),
    ];
    return steps.reduce<Outcome>((before, step) => (before.ok ? step() : before), {
      ok: true,
      output: '',
    });
  });

/** Checks types, and that every package takes part: one that nobody refers to is never checked. */
export function types(): Outcome {
  const { references } = JSON.parse(readFileSync('tsconfig.json', 'utf8')) as {
    readonly references: readonly { readonly path: string }[];
  };
  const listed = new Set(references.map(({ path }) => path));
  const unlisted = globSync([
    '{e2e,deploy}/tsconfig.json',
    '{libs,services,examples,deploy}/*/tsconfig.json',
  ])
    .map((file) => dirname(file))
    .filter((folder) => !listed.has(folder));
  const { ok, output } = command('tsc', '-b');
  return {
    ok: ok && unlisted.length === 0,
    output:
      unlisted.map((folder) => `tsconfig.json does not refer to ${folder}\n`).join('') + output,
  };
}

/** What `lint/fixture` plants. A linter that lost its types is quiet, so quiet here is a failure. */
const PLANTED: Readonly<Record<string, number>> = {
  'no-floating-promises': 1,
  'no-misused-promises': 2,
  'no-explicit-any': 1,
  'only-throw-error': 1,
};

export function lintFixture(): Outcome {
  const fixture = 'deploy/tools/lint/fixture';
  const configuration = ['--disable-nested-config', '-c', `${fixture}/oxlint.json`];
  const { output } = command('oxlint', '--format', 'unix', ...configuration, fixture);
  const missed = Object.entries(PLANTED).filter(
    ([rule, count]) => output.split(`typescript(${rule})`).length - 1 < count,
  );
  return {
    ok: missed.length === 0,
    output: missed.map(([rule]) => `${rule} was planted and not found\n`).join('') + output,
  };
}
